/*
 * The kernels of a scan, for any running state.
 *
 * A block takes tiles of a few lines side by side (one, where lines are long), down the lines. A
 * tile is read so that neighbouring threads read neighbouring elements, and lies in shared memory
 * turned such that each thread then has some elements of one line after another. Where there are
 * too few lines to keep a device busy, they are cut into chunks: their totals are found first,
 * scanned, and carried into the chunks. The cuts depend on the shape alone, and so does the result.
 * Long lines go to CUB: scan_line.h.
 *
 * A state is a struct without constructors, of no elements after start():
 *
 *   widths                               the types of the bits that it takes, in an mt__widths
 *   EXACT                                the result is the same however a line is cut
 *   static State of(bits, i, rule)       element number i of a line
 *   void join(const State &other, rule)  takes in the elements of another, in any order
 *   void store(out, at, line, rule)      writes the result; `line` is where the line begins in the
 *                                        input
 */
#ifndef MT_CUDA_SCAN_H
#define MT_CUDA_SCAN_H

#include "scan_line.h"

enum { MT__SCANNERS = 256 }; /* threads of a block */

template <typename State> struct mt__tile {
  enum {
    ITEMS = sizeof(State) > 8 ? 4 : 8, /* of a thread */
    SIZE = MT__SCANNERS * ITEMS
  };
  State element[SIZE + MT__SCANNERS]; /* a gap after each thread's keeps banks apart */
  State total[MT__SCANNERS], carry[MT__SCANNERS];
  __device__ State &at(int32_t i) {
    return element[i + i / ITEMS];
  }
};

/* The total of each chunk. */
template <typename State, typename Bits> __global__ void mt__total_kernel(mt__scan s) {
  __shared__ State totals[MT__SCANNERS];
  int32_t own = (int32_t)threadIdx.x, lanes = MT__SCANNERS / s.width;
  int32_t lane = s.across ? own / s.width : own % lanes;
  int32_t column = s.across ? own % s.width : own / lanes, step = s.across ? s.width : 1;
  int64_t items = (s.nlines + s.width - 1) / s.width * s.chunks;
  for (int64_t item = blockIdx.x; item < items; item += gridDim.x) {
    int64_t chunk = item % s.chunks, line = item / s.chunks * s.width + column;
    State total;
    total.start(s);
    if (line < s.nlines) {
      int64_t at[1] = {0}, i = chunk * s.chunk, end = i + s.chunk;
      if (end > s.length) end = s.length;
      mt__strided_at(s.lines, line, at);
      const char *in = s.lines.data[0] + at[0];
      for (i += lane; i < end; i += lanes)
        total.join(State::of(*(const Bits *)(in + i * s.in_stride), i, s), s);
    }
    totals[own] = total;
    __syncthreads();
    for (int32_t half = lanes / 2; half > 0; half /= 2) {
      if (lane < half) totals[own].join(totals[own + half * step], s);
      __syncthreads();
    }
    if (lane == 0 && line < s.nlines) ((State *)s.totals)[line * s.chunks + chunk] = totals[own];
  }
}

/* Elements first, first + 1, ... of the lines of a tile: into it, or (out) its states to the
 * results. Each thread has the same places of the tile, in and out. */
template <typename State, typename Bits>
__device__ inline void mt__move_tile(mt__tile<State> *tile, const mt__scan &s, int64_t line,
                                     int64_t first, int64_t end, bool out) {
  int32_t rows = mt__tile<State>::SIZE / s.width;
  MT__UNROLLED for (int k = 0; k < mt__tile<State>::ITEMS; k++) {
    int32_t e = k * MT__SCANNERS + (int32_t)threadIdx.x;
    int32_t column = s.across ? e % s.width : e / rows, row = s.across ? e / s.width : e % rows;
    State &state = tile->at(column * rows + row);
    int64_t i = first + row, at[MT__PLACES] = {0, 0, 0};
    bool there = line + column < s.nlines && i < end;
    if (there) mt__strided_at(s.lines, line + column, at);
    const char *in = s.lines.data[0] + at[0];
    if (!out && there)
      state = State::of(*(const Bits *)(in + i * s.in_stride), i, s);
    else if (!out)
      state.start(s);
    else if (there)
      state.store(s.lines.data[1] + at[1] + i * s.out_stride,
                  s.lines.data[2] + at[2] + i * s.at_stride, in, s);
  }
}

/* Each thread scans its elements, the threads of a line scan their totals, and all join what came
 * before. */
template <typename State>
__device__ inline void mt__scan_tile(mt__tile<State> *tile, const mt__scan &s) {
  enum { ITEMS = mt__tile<State>::ITEMS };
  int32_t own = (int32_t)threadIdx.x, segments = MT__SCANNERS / s.width;
  int32_t segment = own % segments, column = own / segments;
  State run[ITEMS];
  run[0] = tile->at(own * ITEMS);
  MT__UNROLLED for (int k = 1; k < ITEMS; k++) {
    run[k] = run[k - 1];
    run[k].join(tile->at(own * ITEMS + k), s);
  }
  State total = run[ITEMS - 1];
  tile->total[own] = total;
  __syncthreads();
  for (int32_t reach = 1; reach < segments; reach *= 2) {
    if (segment >= reach) total.join(tile->total[own - reach], s);
    __syncthreads();
    tile->total[own] = total;
    __syncthreads();
  }
  State before = tile->carry[column];
  if (segment > 0) before.join(tile->total[own - 1], s);
  MT__UNROLLED for (int k = 0; k < ITEMS; k++) {
    run[k].join(before, s);
    tile->at(own * ITEMS + k) = run[k];
  }
  __syncthreads();
  if (segment == segments - 1) tile->carry[column] = run[ITEMS - 1];
}

template <typename State, typename Bits> __global__ void mt__scan_kernel(mt__scan s) {
  __shared__ mt__tile<State> tile;
  int32_t own = (int32_t)threadIdx.x, rows = mt__tile<State>::SIZE / s.width;
  int64_t items = (s.nlines + s.width - 1) / s.width * s.chunks;
  for (int64_t item = blockIdx.x; item < items; item += gridDim.x) {
    int64_t chunk = item % s.chunks, line = item / s.chunks * s.width;
    int64_t begin = chunk * s.chunk, end = begin + s.chunk;
    if (end > s.length) end = s.length;
    State carry;
    carry.start(s);
    if (chunk > 0 && own < s.width && line + own < s.nlines)
      carry = ((const State *)s.totals)[(line + own) * s.chunks + chunk - 1];
    if (own < s.width) tile.carry[own] = carry;
    for (int64_t first = begin; first < end; first += rows) {
      mt__move_tile<State, Bits>(&tile, s, line, first, end, false);
      __syncthreads();
      mt__scan_tile(&tile, s);
      mt__move_tile<State, Bits>(&tile, s, line, first, end, true);
    }
    __syncthreads();
  }
}

/* A state as an element of a line of states: how totals are scanned. */
template <typename State> struct mt__carried {
  State state;
  __device__ void start(const mt__scan_rule &s) {
    state.start(s);
  }
  static __device__ mt__carried of(const mt__carried &element, int64_t, const mt__scan_rule &) {
    return element;
  }
  __device__ void join(const mt__carried &other, const mt__scan_rule &s) {
    state.join(other.state, s);
  }
  __device__ void store(char *out, char *, const char *, const mt__scan_rule &) const {
    *(mt__carried *)out = *this;
  }
};

/* Fills in what depends on the layout; at may be out. */
void mt__plan_scan(mt__scan *s, const mt_tensor *out, const mt_tensor *at, const mt_tensor *a,
                   int32_t dim);
/* Cuts lines that mt__scan has, of states of so many bytes. */
void mt__cut_scan(mt__scan *s, int32_t bytes);
/* The plan of scanning the totals of s. */
mt__scan mt__plan_totals(const mt__scan &s, int32_t bytes);

inline dim3 mt__scan_blocks(const mt__scan &s) {
  return mt__blocks((s.nlines + s.width - 1) / s.width * s.chunks);
}

/* Runs a scan of elements as wide as Bits, in tiles. */
template <typename State, typename Bits>
int32_t mt__scan_tiles(const char *op, int32_t device, mt__scan s) {
  mt__cut_scan(&s, sizeof(State));
  mt__scratch scratch(device);
  if (s.chunks > 1) {
    typedef mt__carried<State> Carried;
    MT_TRY(scratch.take(s.nlines * s.chunks * (int64_t)sizeof(State)));
    s.totals = scratch.data();
    MT_TRY(mt__launch(op, device, mt__total_kernel<State, Bits>, mt__scan_blocks(s),
                      dim3(MT__SCANNERS), s));
    mt__scan totals = mt__plan_totals(s, sizeof(State));
    MT_TRY(mt__launch(op, device, mt__scan_kernel<Carried, Carried>, mt__scan_blocks(totals),
                      dim3(MT__SCANNERS), totals));
  }
  return mt__launch(op, device, mt__scan_kernel<State, Bits>, mt__scan_blocks(s),
                    dim3(MT__SCANNERS), s);
}
template <typename State, typename Bits, typename... Wider>
int32_t mt__scan_width(const char *op, int32_t device, const mt__scan &s,
                       mt__widths<Bits, Wider...>) {
  if constexpr (sizeof...(Wider) > 0)
    if (s.in_bytes != (int32_t)sizeof(Bits))
      return mt__scan_width<State>(op, device, s, mt__widths<Wider...>());
  return mt__scan_tiles<State, Bits>(op, device, s);
}

/* Runs a scan. */
template <typename State> int32_t mt__run_scan(const char *op, int32_t device, const mt__scan &s) {
  if (mt__has_long_lines(s, State::EXACT)) return mt__scan_lines<State>(op, device, s);
  return mt__scan_width<State>(op, device, s, typename State::widths());
}

/* cummax and cummin: scan_extreme.cu */
int32_t mt__scan_extreme(const char *op, int32_t device, const mt__scan &s);

#endif
