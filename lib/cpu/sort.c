/*
 * Sorting along a dimension. Elements of every dtype become unsigned keys of the same order, each
 * with its position; short lines are merged, long ones go through a radix sort, both of which are
 * stable. The values are made from the keys again, but for those that have several bit patterns.
 */
#include <math.h>
#include <string.h>

#include "cpu.h"

enum {
  RUN = 12,     /* items that are sorted by insertion */
  SHORT = 400,  /* items, up to which merging is faster than going over all buckets */
  LONG = 32768, /* items that are worth a thread */
  GRAIN = 8192, /* elements of short lines that are */
  DIGIT = 8,
  BUCKETS = 1 << DIGIT
};

/* What becomes a key and back: `sign`, `ones` are bits of an element, `finite` the largest
 * magnitude that is not NaN, `zero` the bits that are one with 0 (-0). Elements with the sign bit
 * set are turned round by `below`, others by `above`, and all of them by `turn` in a descending
 * order. */
typedef struct meaning {
  uint64_t sign, ones, finite, zero, above, below, turn;
  bool real, truth;
  int32_t bytes;
} meaning;

typedef struct plan {
  const mt_tensor *a, *values, *indices;
  meaning of;
  int64_t length, stride, value_stride, index_stride, base;
  int32_t dim, pieces; /* of a line, that threads share */
  int32_t failed;      /* atomic */
} plan;

/* One sort of a line. */
typedef struct radix {
  void *from, *to;
  int64_t n, *counts; /* of each piece */
  int32_t pieces, shift;
  const plan *of;
  const char *in;
  char *value, *index;
} radix;

/* A key of up to 32 bits lies above a position of as many; a longer one beside it. */
typedef uint64_t narrow;
typedef struct wide {
  uint64_t key;
  int64_t at;
} wide;

static int64_t piece_begin(const radix *w, int64_t piece) {
  return w->n * piece / w->pieces;
}

/* Counts become places: of smaller digits first, then of pieces in order. False where all items
 * have the same digit. */
static bool add_up(const radix *w) {
  int64_t before = 0;
  bool differ = true;
  for (int32_t digit = 0; digit < BUCKETS; digit++) {
    int64_t total = 0;
    for (int32_t piece = 0; piece < w->pieces; piece++) {
      int64_t *count = &w->counts[piece * BUCKETS + digit], here = *count;
      *count = before + total;
      total += here;
    }
    differ = differ && total < w->n;
    before += total;
  }
  return differ;
}

static inline uint64_t load(const char *p, int32_t bytes) {
  uint8_t one;
  uint16_t two;
  uint32_t four;
  uint64_t eight;
  switch (bytes) {
  case 1:
    memcpy(&one, p, sizeof one);
    return one;
  case 2:
    memcpy(&two, p, sizeof two);
    return two;
  case 4:
    memcpy(&four, p, sizeof four);
    return four;
  default:
    memcpy(&eight, p, sizeof eight);
    return eight;
  }
}

static meaning meaning_of(int32_t dtype, bool descending) {
  int32_t bits = 8 * mt__bytes(dtype), kind = mt__kind(dtype);
  meaning m = {.bytes = bits / 8, .real = kind == MT_KIND_FLOAT, .truth = dtype == MT_BOOL};
  m.ones = UINT64_MAX >> (64 - bits);
  m.finite = m.ones;
  if (m.real || kind == MT_KIND_INT) m.sign = m.above = m.below = 1ULL << (bits - 1);
  if (m.real) {
    m.zero = m.sign;
    m.below = m.ones;
    char infinity[8];
    mt__store(dtype, infinity, (mt__scalar){.re = INFINITY, .kind = kind});
    m.finite = load(infinity, m.bytes);
  }
  m.turn = descending ? m.ones : 0;
  return m;
}

static inline void store(char *p, uint64_t bits, int32_t bytes) {
  uint8_t one = (uint8_t)bits;
  uint16_t two = (uint16_t)bits;
  uint32_t four = (uint32_t)bits;
  switch (bytes) {
  case 1:
    memcpy(p, &one, sizeof one);
    break;
  case 2:
    memcpy(p, &two, sizeof two);
    break;
  case 4:
    memcpy(p, &four, sizeof four);
    break;
  default:
    memcpy(p, &bits, sizeof bits);
  }
}

static inline uint64_t key_of(const char *p, int32_t bytes, const meaning *m) {
  uint64_t bits = load(p, bytes);
  if (m->truth) bits = bits != 0;
  bits = bits == m->zero ? 0 : bits;
  uint64_t key = bits ^ ((bits & m->sign) != 0 ? m->below : m->above);
  if ((bits & ~m->sign) > m->finite) key = m->ones;
  return key ^ m->turn;
}

/* The bits that a key came from; those at p where the key does not tell. */
static inline uint64_t bits_of(uint64_t key, const char *p, int32_t bytes, const meaning *m) {
  key ^= m->turn;
  if (m->truth || (m->real && (key == m->sign || key == m->ones))) return load(p, bytes);
  return key ^ ((key & m->sign) == 0 ? m->below : m->above);
}

/* Elements of each size have a loop of their own. */
#define EACH_SIZE(work, w, begin, end)                                                             \
  switch ((w)->of->of.bytes) {                                                                     \
  case 1:                                                                                          \
    work(w, begin, end, 1);                                                                        \
    break;                                                                                         \
  case 2:                                                                                          \
    work(w, begin, end, 2);                                                                        \
    break;                                                                                         \
  case 4:                                                                                          \
    work(w, begin, end, 4);                                                                        \
    break;                                                                                         \
  default:                                                                                         \
    work(w, begin, end, 8);                                                                        \
  }

/*
 * Elements of one byte are one digit: they go from where they lie to where they belong. Two of one
 * value count as equal, and for bool all that are true.
 */
static inline int32_t value_of(char element, bool truth) {
  return truth ? element != 0 : (uint8_t)element;
}

/* The digit of what value_of gives. */
static int32_t digit_of(const meaning *m, int32_t value) {
  char byte = (char)value;
  return (int32_t)key_of(&byte, 1, m);
}

static inline void count_values(const radix *w, int64_t begin, int64_t end, bool truth,
                                int64_t *count) {
  enum { TABLES = 4 }; /* equal values that follow each other would wait for each other's count */
  int64_t stride = w->of->stride, tables[TABLES][BUCKETS] = {0}, i = begin;
  for (; i + TABLES <= end; i += TABLES)
    for (int32_t k = 0; k < TABLES; k++) tables[k][value_of(w->in[(i + k) * stride], truth)]++;
  for (; i < end; i++) tables[0][value_of(w->in[i * stride], truth)]++;
  for (int32_t value = 0; value < BUCKETS; value++) {
    count[value] = 0;
    for (int32_t k = 0; k < TABLES; k++) count[value] += tables[k][value];
  }
}

static void count_bytes(int64_t begin, int64_t end, void *ctx) {
  radix *w = ctx;
  const meaning *m = &w->of->of;
  for (int64_t piece = begin; piece < end; piece++) {
    int64_t *count = w->counts + piece * BUCKETS, from = piece_begin(w, piece);
    int64_t found[BUCKETS], to = piece_begin(w, piece + 1);
    if (m->truth)
      count_values(w, from, to, true, found);
    else
      count_values(w, from, to, false, found);
    memset(count, 0, BUCKETS * sizeof *count);
    for (int32_t value = 0; value < (m->truth ? 2 : BUCKETS); value++)
      count[digit_of(m, value)] = found[value];
  }
}

/* Places of elements [begin, end), of each value in turn; a byte of bool goes along as it is. */
static inline void place_values(const radix *w, int64_t begin, int64_t end, bool truth,
                                int64_t *place) {
  const plan of = *w->of; /* by value: a byte that is stored could be any of it */
  const char *in = w->in;
  char *value = w->value, *index = w->index;
  for (int64_t i = begin; i < end; i++) {
    char element = in[i * of.stride];
    int64_t to = place[value_of(element, truth)]++, position = i + of.base;
    if (truth) value[to * of.value_stride] = element;
    memcpy(index + to * of.index_stride, &position, sizeof position);
  }
}

static void place_bytes(int64_t begin, int64_t end, void *ctx) {
  const radix *w = ctx;
  const plan *of = w->of;
  for (int64_t piece = begin; piece < end; piece++) {
    int64_t place[BUCKETS], first[BUCKETS];
    int64_t from = piece_begin(w, piece), to = piece_begin(w, piece + 1);
    for (int32_t value = 0; value < BUCKETS; value++)
      place[value] = first[value] = w->counts[piece * BUCKETS + digit_of(&of->of, value)];
    if (of->of.truth) {
      place_values(w, from, to, true, place);
      continue;
    }
    place_values(w, from, to, false, place);
    for (int32_t value = 0; value < BUCKETS; value++)
      for (int64_t i = first[value]; i < place[value]; i++)
        w->value[i * of->value_stride] = (char)value;
  }
}

static void byte_sort(radix *w) {
  mt__parallel(w->pieces, 1, count_bytes, w);
  add_up(w);
  mt__parallel(w->pieces, 1, place_bytes, w);
}

#define ITEM          narrow
#define NAME(x)       narrow_##x
#define MAKE(key, at) ((key) << 32 | (uint64_t)(at))
#define KEY(item)     ((item) >> 32)
#define AT(item)      ((int64_t)(uint32_t)(item))
#include "sort.inc"
#define ITEM          wide
#define NAME(x)       wide_##x
#define MAKE(key, at) ((wide){key, at})
#define KEY(item)     ((item).key)
#define AT(item)      ((item).at)
#include "sort.inc"

static void sort_lines(int64_t begin, int64_t end, void *ctx) {
  plan *p = ctx;
  const mt_tensor *t[3] = {p->a, p->values, p->indices};
  bool direct = p->of.bytes == 1 && p->length > SHORT;
  bool is_narrow = p->of.bytes < 8 && p->length <= UINT32_MAX;
  int64_t each = direct ? 0 : is_narrow ? (int64_t)sizeof(narrow) : (int64_t)sizeof(wide);
  int64_t size = p->length * each;
  int64_t counted = p->length <= SHORT ? 0 : p->pieces * BUCKETS * (int64_t)sizeof(int64_t);
  char *memory = mt__alloc(counted + 2 * size);
  if (memory == NULL) {
    __atomic_store_n(&p->failed, 1, __ATOMIC_RELAXED);
    return;
  }
  for (int64_t line = begin; line < end; line++) {
    char *at[3];
    mt__line(line, p->dim, 3, t, at);
    radix w = {.from = memory + counted,
               .to = memory + counted + size,
               .n = p->length,
               .counts = (int64_t *)memory,
               .pieces = p->pieces,
               .of = p,
               .in = at[0],
               .value = at[1],
               .index = at[2]};
    if (direct)
      byte_sort(&w);
    else if (is_narrow)
      narrow_sort(&w);
    else
      wide_sort(&w);
  }
  mt__free(memory, counted + 2 * size);
}

int32_t mt__cpu_sort(mt_tensor *values, mt_tensor *indices, const mt_tensor *a, int32_t dim,
                     bool descending, int64_t base) {
  int64_t n = a->sizes_[dim], lines = n == 0 ? 0 : a->numel_ / n;
  plan p = {.a = a, .values = values, .indices = indices, .length = n, .dim = dim, .pieces = 1};
  p.of = meaning_of(a->dtype_, descending);
  p.stride = a->strides_[dim];
  p.value_stride = values->strides_[dim];
  p.index_stride = indices->strides_[dim];
  p.base = base;
  if (lines == 0) return 0;
  if (lines < mt_num_threads() && n >= 2 * LONG) {
    p.pieces = mt__parallel_width(n, LONG);
    sort_lines(0, lines, &p);
  } else {
    mt__parallel(lines, n >= GRAIN ? 1 : GRAIN / n, sort_lines, &p);
  }
  return p.failed ? mt__fail(MT_ENOMEM, "out of memory") : 0;
}
