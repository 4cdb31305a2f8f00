/*
 * Copies: through the cast loops, or tile by tile where source and target run along different
 * dimensions, so that each cache line is touched once.
 */
#include "cpu.h"

enum {
  STREAM_BYTES = 16 << 20, /* copies of so much leave the caches before anyone reads them */
  SMALLEST_TILED = 8,      /* below, tiles are mostly edges */
  BAND = 64                /* elements of dimension 0 in a piece of work */
};

/* A transposed copy: dst runs along dimension 0, src along dimension `across`. */
typedef struct turn {
  const mt__iter *it;
  int32_t across, bytes;
  int64_t bands; /* pieces of dimension 0 */
} turn;

static void turn_range(int64_t begin, int64_t end, void *ctx) {
  const turn *t = ctx;
  const mt__iter *it = t->it;
  const mt__operand *dst = &it->operand[0], *src = &it->operand[1];
  const mt__runner *r = mt__cpu_runner();
  for (int64_t item = begin; item < end; item++) {
    int64_t band = item % t->bands, rest = item / t->bands;
    int64_t start = band * BAND, rows = it->size[0] - start < BAND ? it->size[0] - start : BAND;
    char *to = dst->data + start * dst->stride[0];
    const char *from = src->data + start * src->stride[0];
    for (int32_t d = 1; d < it->ndim; d++) {
      if (d == t->across) continue;
      to += rest % it->size[d] * dst->stride[d];
      from += rest % it->size[d] * src->stride[d];
      rest /= it->size[d];
    }
    r->transpose(to, dst->stride[t->across], from, src->stride[0], rows, it->size[t->across],
                 t->bytes, it->numel * t->bytes >= STREAM_BYTES);
  }
}

static bool turned(mt__iter *it, turn *t) {
  const mt__operand *dst = &it->operand[0], *src = &it->operand[1];
  t->it = it;
  t->bytes = mt__bytes(dst->dtype);
  if (dst->dtype != src->dtype || it->ndim < 2) return false;
  if (dst->stride[0] != t->bytes || src->stride[0] == t->bytes || src->stride[0] == 0) return false;
  for (t->across = 1; t->across < it->ndim; t->across++)
    if (src->stride[t->across] == t->bytes) break;
  return t->across < it->ndim && it->size[0] >= SMALLEST_TILED &&
         it->size[t->across] >= SMALLEST_TILED;
}

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
  turn t;
  if (it->numel == 0) return 0;
  if (plain_and_large(it)) {
    mt__parallel(it->numel * mt__bytes(it->operand[0].dtype), 1 << 20, stream_range, it);
    return 0;
  }
  if (!turned(it, &t)) {
    const mt__operand *dst = &it->operand[0], *src = &it->operand[1];
    /* The casts take any alignment, so nothing needs a buffer. */
    it->operand[0].buffered = it->operand[1].buffered = false;
    mt__iter_run(it, mt__cpu_cast(dst->dtype, src->dtype), NULL, mt__cpu_runner());
    return 0;
  }
  t.bands = (it->size[0] + BAND - 1) / BAND;
  int64_t items = t.bands;
  for (int32_t d = 1; d < it->ndim; d++)
    if (d != t.across) items *= it->size[d];
  int64_t elements = BAND * it->size[t.across];
  mt__parallel(items, elements >= 32768 ? 1 : 32768 / elements, turn_range, &t);
  return 0;
}
