// The arrays of NumPy as the kernels take them: contiguous, in memory, of a type and a number of dimensions.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <cstdint>

namespace serendip {

template <class T, int Dimensions>
using In = nanobind::ndarray<const T, nanobind::ndim<Dimensions>, nanobind::c_contig, nanobind::device::cpu>;
template <class T, int Dimensions>
using InOut = nanobind::ndarray<T, nanobind::ndim<Dimensions>, nanobind::c_contig, nanobind::device::cpu>;

// Room for some numbers, which NumPy frees.
template <class T>
nanobind::ndarray<nanobind::numpy, T, nanobind::ndim<1>> array(std::int64_t size) {
    T* data = new T[static_cast<std::size_t>(size)];
    const nanobind::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
    return {data, {static_cast<std::size_t>(size)}, owner};
}

}  // namespace serendip
