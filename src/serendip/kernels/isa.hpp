// Which instruction set a kernel runs with. One source is compiled once a target (see FOR_EACH_ISA below); the choice is made
// at run time, so that one build serves every machine. SERENDIP_PORTABLE=1 forces the portable path.
#pragma once

#include <cstdlib>

#if defined(__x86_64__)
#define SERENDIP_X86 1
#else
#define SERENDIP_X86 0
#endif

namespace serendip {

enum class Isa { portable, avx2, avx512 };

inline Isa isa() {
    const char* portable = std::getenv("SERENDIP_PORTABLE");  // read at each call: a test switches it within one process
    if (portable != nullptr && *portable != '\0' && *portable != '0') return Isa::portable;
#if SERENDIP_X86
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl")) {
        return Isa::avx512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::avx2;
#endif
    return Isa::portable;
}

}  // namespace serendip
