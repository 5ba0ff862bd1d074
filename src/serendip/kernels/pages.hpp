// Large arrays that are read at random places: in large pages where the system has them, so that an address is found
// without a walk through its tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace serendip {

template <class T>
using Pages = std::unique_ptr<T[]>;

template <class T>
Pages<T> pages(std::int64_t n) {  // not set to anything
    Pages<T> p(new T[static_cast<std::size_t>(n)]);
#ifdef __linux__
    constexpr std::uintptr_t page = 4096;
    const auto begin = (reinterpret_cast<std::uintptr_t>(p.get()) + page - 1) / page * page;
    const auto end = reinterpret_cast<std::uintptr_t>(p.get() + n) / page * page;
    if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
    return p;
}

}  // namespace serendip
