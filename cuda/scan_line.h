/*
 * What is scanned, and the scan of long lines by CUB, which looks at each element once: its blocks
 * wait for the totals of those before them, and join those in whatever order they come. Sums and
 * products of floats may thus differ in their last bits from one run to the next, which
 * mt_cuda_deterministic forbids: such lines go by tiles then, twice over their elements. The states
 * are told of in scan.h.
 */
#ifndef MT_CUDA_SCAN_LINE_H
#define MT_CUDA_SCAN_LINE_H

#include <cub/device/device_scan.cuh>

#include "bits.h"
#include "each.h"
#include "strided.h"

/* Elements of a line that are worth calls of its own. Tests set less. */
#if !defined(MT_LONGLINE)
#define MT_LONGLINE (INT64_C(1) << 22)
#endif

/* What a state is told of the scan. */
struct mt__scan_rule {
  mt__meaning of;
  int64_t in_stride; /* along a line */
  int32_t in_bytes, out_bytes, out_dtype;
  bool product;
};

template <typename... Bits> struct mt__widths {};

struct mt__scan : mt__scan_rule {
  mt__strided lines; /* of the input, the output and the positions */
  int64_t nlines, length;
  int64_t out_stride, at_stride; /* along a line */
  int32_t width;                 /* lines of a tile: a power of two */
  bool across;                   /* lines are neighbours in memory, not the elements of one */
  int64_t chunk, chunks;         /* elements, and how many chunks a line has */
  void *totals; /* the states of the chunks, line after line; once scanned, up to their ends */
};

/* The state of element i of a line, which is at p. */
template <typename State, typename Bits, typename... Wider>
__device__ inline State mt__state_at(const char *p, int64_t i, const mt__scan_rule &rule,
                                     mt__widths<Bits, Wider...>) {
  if constexpr (sizeof...(Wider) > 0)
    if (rule.in_bytes != (int32_t)sizeof(Bits))
      return mt__state_at<State>(p, i, rule, mt__widths<Wider...>());
  return State::of(*(const Bits *)p, i, rule);
}

/* The elements of a line as states, */
template <typename State> struct mt__line_in {
  mt__scan_rule rule;
  const char *in;
  __device__ State operator()(int64_t i) const {
    return mt__state_at<State>(in + i * rule.in_stride, i, rule, typename State::widths());
  }
};

/* where the results go, */
template <typename State> struct mt__line_out {
  struct place {
    const mt__line_out *line;
    int64_t i;
    __device__ const place &operator=(const State &state) const {
      state.store(line->out + i * line->out_stride, line->at + i * line->at_stride, line->in,
                  line->rule);
      return *this;
    }
  };
  mt__scan_rule rule;
  const char *in;
  char *out, *at;
  int64_t out_stride, at_stride;
  __device__ place operator()(int64_t i) const {
    return {this, i};
  }
};

/* and how they are joined. */
template <typename State> struct mt__line_join {
  mt__scan_rule rule;
  __device__ State operator()(State before, const State &next) const {
    before.join(next, rule);
    return before;
  }
};

/* Whether the lines are long, and lie so that neighbouring threads read neighbouring elements. */
bool mt__has_long_lines(const mt__scan &s, bool exact);

template <typename State>
int32_t mt__scan_lines(const char *op, int32_t device, const mt__scan &s) {
  mt__scratch scratch(device);
  size_t bytes = 0;
  for (int64_t line = -1; line < s.nlines; line++) { /* at first, how much memory it takes */
    int64_t at[MT__PLACES] = {0, 0, 0};
    mt__strided_at(s.lines, line < 0 ? 0 : line, at);
    const char *in = s.lines.data[0] + at[0];
    char *out = s.lines.data[1] + at[1], *at_out = s.lines.data[2] + at[2];
    mt__each<State, mt__line_in<State>> from = {{s, in}, 0};
    mt__each<State, mt__line_out<State>> to = {{s, in, out, at_out, s.out_stride, s.at_stride}, 0};
    MT_CUDA_TRY(op, cub::DeviceScan::InclusiveScan(scratch.data<void>(), bytes, from, to,
                                                   mt__line_join<State>{s}, (int32_t)s.length,
                                                   mt__cuda_stream(device)));
    if (line < 0) MT_TRY(scratch.take((int64_t)bytes + 1));
  }
  return 0;
}

#endif
