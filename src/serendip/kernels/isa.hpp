// Which instruction set a kernel runs with. One source is compiled once an instruction set (each_isa.hpp) and the
// choice is made at run time, so that one build serves every machine. SERENDIP_ISA=portable, avx2 or avx512 in the
// environment holds it back.
#pragma once

#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#define SERENDIP_X86 1
#else
#define SERENDIP_X86 0
#endif

namespace serendip {

enum class Isa { portable, avx2, avx512 };

inline Isa isa() {
    const char* limit = std::getenv("SERENDIP_ISA");  // read at each call: a test switches it within one process
    if (limit != nullptr && std::strcmp(limit, "portable") == 0) return Isa::portable;
#if SERENDIP_X86
    const bool held = limit != nullptr && std::strcmp(limit, "avx2") == 0;
    if (!held && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        return Isa::avx512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::avx2;
#endif
    return Isa::portable;
}

// Whether AVX-512 multiplies bytes, too (VNNI), and is not held back.
inline bool vnni() {
#if SERENDIP_X86
    const char* limit = std::getenv("SERENDIP_ISA");
    const bool held = limit != nullptr && std::strcmp(limit, "avx512") == 0;
    return !held && isa() == Isa::avx512 && __builtin_cpu_supports("avx512vnni");
#else
    return false;
#endif
}

}  // namespace serendip
