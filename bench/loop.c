/*
 * The loop that the row data.loop measures LuaJIT against, with the same arithmetic. It is called
 * through the FFI, and compiled at -O2 in a file of its own: nothing of the caller is known to it.
 */
#include <stdint.h>

__attribute__((visibility("default"))) void bench_loop(double *p, int64_t n) {
  for (int64_t i = 0; i < n; i++) p[i] = p[i] * 0.5 + 1;
}
