/*
 * Which of the compiled instruction sets runs: the best that the processor has, or the one that
 * MOONTORCH_ISA names.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"

const mt__kernels *mt__kernels_baseline(void);
#if defined(MT_ISA_X86)
const mt__kernels *mt__kernels_avx2(void);
const mt__kernels *mt__kernels_avx512(void);
#endif

typedef struct isa {
  const char *name;
  const mt__kernels *(*kernels)(void);
  bool usable;
} isa;

static pthread_once_t once = PTHREAD_ONCE_INIT;
const mt__kernels *mt__kernels_chosen;

static void choose(void) {
  isa isas[] = { /* the best first */
#if defined(MT_ISA_X86)
                 {"avx512", mt__kernels_avx512,
                  __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl")},
                 {"avx2", mt__kernels_avx2,
                  __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("bmi2")},
#endif
                 {"baseline", mt__kernels_baseline, true}
  };
  const char *wanted = getenv("MOONTORCH_ISA");
  for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
    if (!isas[i].usable) continue;
    /* The last one is what is left when the wanted one is not to be had. */
    bool last = i + 1 == sizeof isas / sizeof *isas;
    if (wanted != NULL && strcmp(wanted, isas[i].name) != 0 && !last) continue;
    __atomic_store_n(&mt__kernels_chosen, isas[i].kernels(), __ATOMIC_RELEASE);
    return;
  }
}

const mt__kernels *mt__kernels_choose(void) {
  pthread_once(&once, choose);
  return mt__kernels_chosen;
}

const char *mt_isa(void) {
  return mt__kernels_get()->isa;
}
