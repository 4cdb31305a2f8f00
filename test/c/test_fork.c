/* A process that forks after using threads keeps working in the child. */
#include "check.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static double work(void) {
  mt_tensor a = {0}, b = {0}, out = {0}, sum = {0}, product = {0};
  int64_t sizes[2] = {700, 700};
  CHECK_OK(counting(&a, MT_FLOAT64, 2, sizes));
  CHECK_OK(mt_clone(&b, &a, 0));
  CHECK_OK(mt_binary(0, &out, &a, &b));
  CHECK_OK(mt_matmul(&product, &a, &b));
  CHECK_OK(mt_reduce(0, &sum, &out, -1, NULL, 0, 0));
  double total = *(double *)sum.storage_->data_ + *(double *)product.storage_->data_;
  mt_tensor_release(&a);
  mt_tensor_release(&b);
  mt_tensor_release(&out);
  mt_tensor_release(&sum);
  mt_tensor_release(&product);
  return total;
}

int main(void) {
  CHECK_OK(mt_set_num_threads(2));
  double expected = work();
  for (int round = 0; round < 3; round++) {
    pid_t child = fork();
    if (child == 0) {
      /* A hang is ended by the alarm, and so becomes a failure. */
      alarm(30);
      _exit(work() == expected && !check_failures ? 0 : 1);
    }
    CHECK(child > 0);
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(work() == expected);
  }
  return check_result();
}
