// Compiles the file named by SERENDIP_KERNEL once an instruction set, in namespaces portable, avx2 and avx512. No
// include guard: a kernel includes it once. The named file uses `lanes` (floats in a vector) and must include nothing
// and define no template, because a template would not keep the instruction set; all that it needs is included before.
//
// GCC's and Clang's vector extension writes the arithmetic once: `vec` is lanes floats, a*b + c becomes a fused
// multiply-add where the target has one, and a scalar operand is broadcast. `sum` adds up
// a vector's lanes by halves, `four_sums` those of four vectors at once.
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

typedef float vec4 __attribute__((vector_size(16)));
typedef float vec8 __attribute__((vector_size(32)));
#define SHUFFLED __builtin_shufflevector
#define SUM_4(x) ((x)[0] + (x)[2] + ((x)[1] + (x)[3]))
#define LOW_AND_HIGH_OF_8(x) (SHUFFLED(x, x, 0, 1, 2, 3) + SHUFFLED(x, x, 4, 5, 6, 7))
#define LOW_AND_HIGH_OF_16(x)                              \
    (SHUFFLED(x, x, 0, 1, 2, 3, 4, 5, 6, 7) + \
     SHUFFLED(x, x, 8, 9, 10, 11, 12, 13, 14, 15))

namespace portable {
VECTOR_OF(4)
INLINE float sum(vec x) { return SUM_4(x); }
INLINE vec4 four_sums(vec a, vec b, vec c, vec d) {
    const vec ab = SHUFFLED(a, b, 0, 1, 4, 5) + SHUFFLED(a, b, 2, 3, 6, 7);
    const vec cd = SHUFFLED(c, d, 0, 1, 4, 5) + SHUFFLED(c, d, 2, 3, 6, 7);
    return SHUFFLED(ab, cd, 0, 2, 4, 6) + SHUFFLED(ab, cd, 1, 3, 5, 7);
}
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
INLINE float sum(vec x) {
    const vec4 s = LOW_AND_HIGH_OF_8(x);
    return SUM_4(s);
}
INLINE vec4 four_sums(vec a, vec b, vec c, vec d) {
    const vec ab = SHUFFLED(a, b, 0, 1, 2, 3, 8, 9, 10, 11) + SHUFFLED(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
    const vec cd = SHUFFLED(c, d, 0, 1, 2, 3, 8, 9, 10, 11) + SHUFFLED(c, d, 4, 5, 6, 7, 12, 13, 14, 15);
    const vec acbd = SHUFFLED(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13) + SHUFFLED(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15);
    return SHUFFLED(acbd, acbd, 0, 4, 2, 6) + SHUFFLED(acbd, acbd, 1, 5, 3, 7);
}
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
INLINE float sum(vec x) {
    const vec8 half = LOW_AND_HIGH_OF_16(x);
    const vec4 s = LOW_AND_HIGH_OF_8(half);
    return SUM_4(s);
}
INLINE vec4 four_sums(vec a, vec b, vec c, vec d) {
    const vec ab = SHUFFLED(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
                   SHUFFLED(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    const vec cd = SHUFFLED(c, d, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
                   SHUFFLED(c, d, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    vec s = SHUFFLED(ab, cd, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
            SHUFFLED(ab, cd, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);  // four lanes each
    s += SHUFFLED(s, s, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    s += SHUFFLED(s, s, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
    return SHUFFLED(s, s, 0, 4, 8, 12);
}
#include SERENDIP_KERNEL
}  // namespace avx512
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif  // SERENDIP_X86

#undef LOW_AND_HIGH_OF_16
#undef LOW_AND_HIGH_OF_8
#undef SUM_4
#undef SHUFFLED
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
