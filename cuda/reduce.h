/*
 * The kernels of a reduction, for any accumulator.
 *
 * A block of threads is cut into `columns` of outputs and `lanes` that share the elements of an
 * output. Lanes are neighbours where the reduced elements lie together, and columns are where the
 * outputs do, so that neighbouring threads read neighbouring elements. Where there are few outputs,
 * their elements are cut into chunks too, whose states lie in scratch memory until a second kernel
 * merges them. The cuts depend on the shape alone, and so does the result.
 *
 * An accumulator is a struct without constructors:
 *
 *   void start()                             takes in nothing so far
 *   void add(bits, position, reduction)      takes in an element, as its bits; positions count the
 *                                            reduced elements, fastest first, and ascend
 *   void merge(const State &)                takes in another's elements
 *   void finish(out, second, in, reduction)  writes the result of the output whose elements begin
 * at in
 */
#ifndef MT_CUDA_REDUCE_H
#define MT_CUDA_REDUCE_H

#include "bits.h"
#include "strided.h"

enum { MT__THREADS = 256 };

struct mt__reduction {
  mt__strided
      kept; /* of the input, the output and a second output: `data` of its own is not used */
  const char *in;
  char *out, *second;
  int32_t op, out_dtype, bytes; /* of an element of the input */
  double parameter;
  mt__meaning of;
  uint64_t bits; /* which bits tell an element from 0, where that is asked */
  int64_t count; /* elements of an output */
  int64_t outputs;

  int32_t nreduced;
  int64_t size[MT_MAXDIM], stride[MT_MAXDIM]; /* of the reduced dimensions, fastest first */
  bool vectors;               /* reads go by 16 bytes: sizes and positions count those */
  int64_t units;              /* reads of an output */
  int64_t chunk, chunks;      /* units of a chunk, chunks of an output */
  int32_t lanes, merge_lanes; /* powers of two */
  bool across;                /* columns are neighbours, not lanes */
  void *states;               /* of the chunks, output after output */
};

struct alignas(16) mt__quad {
  uint32_t word[4];
};

/* Bytes from the first element of an output to unit i. */
__device__ inline int64_t mt__reduced_at(const mt__reduction &r, int64_t i) {
  int64_t at = 0;
  MT__ROLLED for (int32_t d = 0; d + 1 < r.nreduced; d++) at +=
      mt__split(&i, r.size[d]) * r.stride[d];
  return at + i * r.stride[r.nreduced - 1];
}

/* Units begin, begin + step, ... below end, several of them under way at a time. */
template <typename State, typename Bits, typename Unit, int UNDER_WAY>
__device__ inline void mt__fold(State &s, const mt__reduction &r, const char *in, int64_t begin,
                                int64_t end, int32_t step) {
  enum { PARTS = sizeof(Unit) / sizeof(Bits) };
  int64_t i = begin;
  for (; i + (UNDER_WAY - 1) * step < end; i += UNDER_WAY * step) {
    Unit read[UNDER_WAY];
    MT__UNROLLED for (int u = 0; u < UNDER_WAY; u++) read[u] =
        *(const Unit *)(in + mt__reduced_at(r, i + u * step));
    MT__UNROLLED for (int u = 0; u < UNDER_WAY; u++) {
      Bits part[PARTS];
      memcpy(part, &read[u], sizeof part);
      MT__UNROLLED for (int k = 0; k < PARTS; k++) s.add(part[k], (i + u * step) * PARTS + k, r);
    }
  }
  for (; i < end; i += step) {
    Unit read = *(const Unit *)(in + mt__reduced_at(r, i));
    Bits part[PARTS];
    memcpy(part, &read, sizeof part);
    MT__UNROLLED for (int k = 0; k < PARTS; k++) s.add(part[k], i * PARTS + k, r);
  }
}

/* Merges the states of the lanes of each column into that of lane 0, which is `mine` there. At the
 * end a thread uses its own place alone, so that it may go on and write it again. */
template <typename State>
__device__ inline void mt__merge_lanes(State *states, State *mine, int32_t lane, int32_t lanes,
                                       int32_t step) {
  int32_t own = (int32_t)threadIdx.x;
  states[own] = *mine;
  __syncthreads();
  for (int32_t half = lanes / 2; half > 0; half /= 2) {
    if (lane < half) states[own].merge(states[own + half * step]);
    __syncthreads();
  }
  *mine = states[own];
}

template <typename State>
__device__ inline void mt__finish(State *s, const mt__reduction &r, int64_t output) {
  int64_t at[MT__PLACES] = {0, 0, 0};
  mt__strided_at(r.kept, output, at);
  s->finish(r.out + at[1], r.second + at[2], r.in + at[0], r);
}

template <typename State, typename Bits> __global__ void mt__reduce_kernel(mt__reduction r) {
  __shared__ State states[MT__THREADS];
  int32_t own = (int32_t)threadIdx.x, columns = MT__THREADS / r.lanes;
  int32_t lane = r.across ? own / columns : own % r.lanes;
  int32_t column = r.across ? own % columns : own / r.lanes;
  int64_t items = (r.outputs + columns - 1) / columns * r.chunks;
  for (int64_t item = blockIdx.x; item < items; item += gridDim.x) {
    int64_t block = item / r.chunks, chunk = item - block * r.chunks;
    int64_t output = block * columns + column;
    State s;
    s.start();
    if (output < r.outputs) {
      int64_t at[1] = {0}, begin = chunk * r.chunk, end = begin + r.chunk;
      if (end > r.units) end = r.units;
      mt__strided_at(r.kept, output, at);
      if (sizeof(Bits) < 16 && r.vectors)
        mt__fold<State, Bits, mt__quad, 4>(s, r, r.in + at[0], begin + lane, end, r.lanes);
      else
        mt__fold<State, Bits, Bits, 8>(s, r, r.in + at[0], begin + lane, end, r.lanes);
    }
    mt__merge_lanes(states, &s, lane, r.lanes, r.across ? columns : 1);
    if (lane == 0 && output < r.outputs) {
      if (r.chunks > 1)
        ((State *)r.states)[output * r.chunks + chunk] = s;
      else
        mt__finish(&s, r, output);
    }
  }
}

template <typename State> __global__ void mt__merge_kernel(mt__reduction r) {
  __shared__ State states[MT__THREADS];
  int32_t lane = (int32_t)threadIdx.x % r.merge_lanes, columns = MT__THREADS / r.merge_lanes;
  int64_t items = (r.outputs + columns - 1) / columns;
  for (int64_t item = blockIdx.x; item < items; item += gridDim.x) {
    int64_t output = item * columns + (int32_t)threadIdx.x / r.merge_lanes;
    const State *from = (const State *)r.states + output * r.chunks;
    State s;
    s.start();
    if (output < r.outputs)
      for (int64_t c = lane; c < r.chunks; c += r.merge_lanes) s.merge(from[c]);
    mt__merge_lanes(states, &s, lane, r.merge_lanes, 1);
    if (lane == 0 && output < r.outputs) mt__finish(&s, r, output);
  }
}

/* Runs a reduction that mt__plan_reduction has cut, of elements as wide as Bits. */
template <typename State, typename Bits>
int32_t mt__run_reduction(const char *op, int32_t device, mt__reduction r) {
  int64_t columns = MT__THREADS / r.lanes, items = (r.outputs + columns - 1) / columns * r.chunks;
  mt__scratch scratch(device);
  if (r.chunks > 1) MT_TRY(scratch.take(r.outputs * r.chunks * (int64_t)sizeof(State)));
  r.states = scratch.data();
  MT_TRY(mt__launch(op, device, mt__reduce_kernel<State, Bits>, mt__blocks(items),
                    dim3(MT__THREADS), r));
  if (r.chunks == 1) return 0;
  columns = MT__THREADS / r.merge_lanes;
  return mt__launch(op, device, mt__merge_kernel<State>,
                    mt__blocks((r.outputs + columns - 1) / columns), dim3(MT__THREADS), r);
}

/* Fills in everything but op, parameter, of and bits. */
void mt__plan_reduction(mt__reduction *r, const mt_tensor *out, const mt_tensor *second,
                        const mt_tensor *a, uint64_t dims, bool positions);

/* The families: reduce_sum.cu, reduce_extreme.cu, reduce_moment.cu, reduce_count.cu */
int32_t mt__reduce_sum(const char *op, int32_t device, const mt__reduction &r);
int32_t mt__reduce_prod(const char *op, int32_t device, const mt__reduction &r);
int32_t mt__reduce_extreme(const char *op, int32_t device, const mt__reduction &r);
int32_t mt__reduce_position(const char *op, int32_t device, const mt__reduction &r);
int32_t mt__reduce_spread(const char *op, int32_t device, const mt__reduction &r);
int32_t mt__reduce_norm(const char *op, int32_t device, const mt__reduction &r);
int32_t mt__reduce_count(const char *op, int32_t device, const mt__reduction &r);

#endif
