// The public header stands alone in C++17, and the library links.
#include <moontorch.h>

#include <cstdio>

int main() {
  mt_tensor t = {};
  const int64_t sizes[2] = {2, 3};
  if (mt_tensor_new(&t, MT_FLOAT64, 2, sizes) != MT_OK || t.numel_ != 6) {
    std::fprintf(stderr, "mt_tensor_new: %s\n", mt_last_error());
    return 1;
  }
  mt_tensor_release(&t);
  return t.storage_ == nullptr ? 0 : 1;
}
