/*
 * Copies: through the cast loops, or past the caches where one large block of bytes goes to
 * another.
 */
#include "cpu.h"

enum { STREAM_BYTES = 16 << 20 /* copies of so much leave the caches before anyone reads them */ };

/* One block of bytes to another, so large that it leaves the caches before anyone reads it. */
static bool plain_and_large(const mt__iter *it) {
  const mt__operand *dst = &it->operand[0], *src = &it->operand[1];
  int64_t bytes = mt__bytes(dst->dtype);
  return dst->dtype == src->dtype && it->ndim == 1 && it->numel * bytes >= STREAM_BYTES &&
         dst->stride[0] == bytes && src->stride[0] == bytes;
}

static void stream_range(int64_t begin, int64_t end, void *ctx) {
  const mt__iter *it = ctx;
  const mt__runner *r = mt__cpu_runner();
  r->stream(it->operand[0].data + begin, it->operand[1].data + begin, end - begin);
  r->settle();
}

int32_t mt__cpu_copy(mt__iter *it) {
  mt__operand *dst = &it->operand[0], *src = &it->operand[1];
  if (it->numel == 0) return 0;
  if (plain_and_large(it)) {
    mt__parallel(it->numel * mt__bytes(dst->dtype), 1 << 20, stream_range, it);
    return 0;
  }
  /* The casts take any alignment, so nothing needs a buffer. */
  dst->buffered = src->buffered = false;
  mt__iter_run(it, mt__cpu_cast(dst->dtype, src->dtype), NULL, mt__cpu_runner());
  return 0;
}
