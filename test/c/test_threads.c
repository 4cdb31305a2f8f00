/* Many threads at once: each on its own tensors, all on one shared source and one storage. */
#include "check.h"

#include <pthread.h>

enum { THREADS = 4, ROUNDS = 200 };

static mt_tensor source;
static int failed[THREADS];

static void *run(void *argument) {
  int me = *(int *)argument;
  for (int round = 0; round < ROUNDS; round++) {
    mt_tensor view = {0}, copy = {0}, out = {0}, sum = {0};
    int bad = 0;
    bad |= mt_narrow(&view, &source, 0, me, 50) != MT_OK;
    bad |= mt_clone(&copy, &view, 0) != MT_OK;
    bad |= mt_binary(0, &out, &copy, &view) != MT_OK;
    bad |= mt_reduce(0, &sum, &out, -1, NULL, 0, 0) != MT_OK;
    double want = 0;
    for (int64_t i = 0; i < 50; i++)
      for (int64_t j = 0; j < 400; j++) want += 2.0 * (double)((me + i) * 400 + j);
    bad |= !bad && *(double *)sum.storage_->data_ != want;

    /* Messages belong to the thread that failed. */
    bad |= mt_narrow(&view, &source, 0, 1000 + me, 1) != MT_EINDEX;
    char number[16];
    snprintf(number, sizeof number, "%d", 1001 + me); /* messages count from 1 */
    bad |= strstr(mt_last_error(), number) == NULL;
    if (bad && !failed[me]) fprintf(stderr, "thread %d: %s\n", me, mt_last_error());
    failed[me] |= bad;
    mt_tensor_release(&view);
    mt_tensor_release(&copy);
    mt_tensor_release(&out);
    mt_tensor_release(&sum);
  }
  return NULL;
}

/* One operator over several threads of its own, on more elements than one thread takes. */
static void split(void) {
  mt_tensor a = {0}, out = {0}, turned = {0};
  int64_t sizes[2] = {1200, 1100};
  int32_t equal = 0;
  CHECK_OK(mt_set_num_threads(4));
  CHECK_OK(counting(&a, MT_FLOAT32, 2, sizes));
  for (int round = 0; round < 10; round++) {
    CHECK_OK(mt_transpose(&turned, &a, 0, 1));
    CHECK_OK(mt_clone(&out, &turned, 0));
    CHECK_OK(mt_equal(&equal, &out, &turned));
    CHECK(equal);
    mt_tensor_release(&out);
  }
  mt_tensor_release(&a);
  mt_tensor_release(&turned);
}

int main(void) {
  int64_t sizes[2] = {60, 400};
  CHECK_OK(counting(&source, MT_FLOAT64, 2, sizes));
  pthread_t threads[THREADS];
  int number[THREADS];
  for (int i = 0; i < THREADS; i++) {
    number[i] = i;
    CHECK(pthread_create(&threads[i], NULL, run, &number[i]) == 0);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    CHECK(!failed[i]);
  }
  CHECK(source.storage_->refcount_ == 1);
  mt_tensor_release(&source);
  split();
  CHECK(mt_memory()->count_ == 0);
  return check_result();
}
