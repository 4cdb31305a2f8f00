#!/bin/sh
# Installs a build to a folder of its own and uses it as a C program elsewhere would: through
# pkg-config, and through CMake's find_package. Arguments: build folder, C compiler, source
# folder.
set -eu
build=$1
cc=$2
source=$3
work=$(mktemp -d "${TMPDIR:-/tmp}/moontorch-install.XXXXXX")
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/first" >/dev/null
# An installed tree may be moved.
mv "$work/first" "$work/prefix"

mkdir "$work/user"
cat >"$work/user/user.c" <<'END'
#include <moontorch.h>
#include <stdio.h>

int main(void) {
  mt_tensor t = {0};
  int64_t sizes[1] = {3};
  if (mt_tensor_new(&t, MT_INT32, 1, sizes) || mt_sequence(&t, 1, 1)) return 1;
  printf("%d %s\n", ((int32_t *)t.storage_->data_)[2], mt_version());
  mt_tensor_release(&t);
  return 0;
}
END
pc=$(dirname "$(find "$work/prefix" -name moontorch.pc)")
PKG_CONFIG_PATH=$pc
export PKG_CONFIG_PATH
version=$(pkg-config --modversion moontorch)
libdir=$(pkg-config --variable=libdir moontorch)

cd "$work/user"
# shellcheck disable=SC2046 # the flags are words
"$cc" user.c -o by-pkg-config $(pkg-config --cflags --libs moontorch)
got=$(LD_LIBRARY_PATH=$libdir ./by-pkg-config)
[ "$got" = "3 $version" ] || { echo "by pkg-config: '$got'"; exit 1; }

cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.18)
project(user C)
find_package(moontorch 0.1 REQUIRED)
add_executable(by-cmake user.c)
target_link_libraries(by-cmake moontorch::moontorch)
END
cmake -S . -B out -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_C_COMPILER="$cc" >log 2>&1 &&
  cmake --build out >>log 2>&1 || { cat log; exit 1; }
got=$(./out/by-cmake)
[ "$got" = "3 $version" ] || { echo "by CMake: '$got'"; exit 1; }

# Nothing is exported but the public names, and those that core's headers mark for plugins.
marked=$(cat "$source"/lib/core/*.h | tr '\n' ' ' | grep -oE 'MT_PLUGIN [^(;[]*[(;[]' |
  grep -oE 'mt__[a-z_]+ *[(;[]$' | tr -d ' (;[' | sort)
exported=$(nm -D --defined-only "$libdir"/libmoontorch.so | awk '{print $3}' | sed 's/@.*//' |
  grep -v '^mt_[a-z]' | sort)
if [ "$exported" != "$marked" ]; then
  echo "exported beyond mt_*: $exported"
  echo "marked for plugins: $marked"
  exit 1
fi
