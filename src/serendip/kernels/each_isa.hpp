// Compiles the file named by SERENDIP_KERNEL once an instruction set, in namespaces portable, avx2 and avx512. No
// include guard: a kernel includes it once. The named file uses `lanes` (floats in a vector) and must include nothing
// and define no template, because a template would not keep the instruction set; all that it needs is included before.
//
// GCC's and Clang's vector extension writes the arithmetic once: `vec` is lanes floats, a*b + c becomes a fused
// multiply-add where the target has one, and a scalar operand is broadcast.
#include "isa.hpp"

namespace serendip {

// A loop over a tile's rows or vectors, unrolled so that the tile stays in registers.
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define EACH(i, n) UNROLL for (int i = 0; i < n; ++i)
#define EACH_AFTER(k, i, n) UNROLL for (int i = k + 1; i < n; ++i)
#define INLINE inline __attribute__((always_inline))

#define VECTOR_OF(n)                                                                       \
    constexpr int lanes = n;                                                               \
    typedef float vec __attribute__((vector_size(4 * n)));                                 \
    typedef float vec_anywhere __attribute__((vector_size(4 * n), aligned(4), may_alias)); \
    INLINE vec load(const float* p) { return *reinterpret_cast<const vec_anywhere*>(p); }  \
    INLINE void store(float* p, vec x) { *reinterpret_cast<vec_anywhere*>(p) = x; }

namespace portable {
VECTOR_OF(4)
#include SERENDIP_KERNEL
}  // namespace portable

#if SERENDIP_X86

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
namespace avx2 {
VECTOR_OF(8)
#include SERENDIP_KERNEL
}  // namespace avx2
#ifdef __clang__
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl"))), \
                             apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl,prefer-vector-width=512")
#endif
namespace avx512 {
VECTOR_OF(16)
#include SERENDIP_KERNEL
}  // namespace avx512
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif  // SERENDIP_X86

#undef VECTOR_OF
#undef INLINE
#undef EACH_AFTER
#undef EACH
#undef UNROLL

}  // namespace serendip

// The function of the instruction set that this machine has.
#if SERENDIP_X86
#define SERENDIP_CHOOSE(function)                                          \
    (serendip::isa() == serendip::Isa::avx512 ? serendip::avx512::function \
     : serendip::isa() == serendip::Isa::avx2 ? serendip::avx2::function   \
                                              : serendip::portable::function)
#else
#define SERENDIP_CHOOSE(function) serendip::portable::function
#endif
