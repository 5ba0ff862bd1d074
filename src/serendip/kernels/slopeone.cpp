// How ratings of pairs of items differ, over the users who rated both (Lemire, Maclachlan, SDM 2005): row by row, as in
// Gustavson's sparse product, so that rows share nothing.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <vector>

#include "parallel.hpp"

namespace nb = nanobind;

namespace {

template <class T, int Dimensions>
using In = nb::ndarray<const T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;
template <class T, int Dimensions>
using InOut = nb::ndarray<T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;

struct Pair {
    float difference, count;
};

void differences(In<int64_t, 1> by_user, In<int32_t, 1> item, In<float, 1> value, In<int64_t, 1> by_item,
                 In<int32_t, 1> user, In<float, 1> own, InOut<float, 2> difference, InOut<float, 2> count,
                 int threads) {
    const int64_t n = difference.shape(0);
    std::vector<std::vector<Pair>> scratch(threads);
    serendip::parallel_for(n, 8, threads, [&](int64_t begin, int64_t end, int thread) {
        std::vector<Pair>& pairs = scratch[thread];  // both sums of a pair in one place
        for (int64_t i = begin; i < end; ++i) {
            pairs.assign(n, {0, 0});
            for (int64_t t = by_item.data()[i]; t < by_item.data()[i + 1]; ++t) {
                const int32_t u = user.data()[t];
                const float r = own.data()[t];
                for (int64_t s = by_user.data()[u]; s < by_user.data()[u + 1]; ++s) {
                    Pair& pair = pairs[item.data()[s]];
                    pair.difference += r - value.data()[s];
                    pair.count += 1;
                }
            }
            pairs[i] = {0, 0};
            for (int64_t j = 0; j < n; ++j) {
                difference.data()[i * n + j] = pairs[j].difference;
                count.data()[i * n + j] = pairs[j].count;
            }
        }
    });
}

}  // namespace

void bind_slopeone(nb::module_& module) {
    module.def("slope_one_differences", &differences, nb::arg("by_user").noconvert(), nb::arg("item").noconvert(),
               nb::arg("value").noconvert(), nb::arg("by_item").noconvert(), nb::arg("user").noconvert(),
               nb::arg("own").noconvert(), nb::arg("difference").noconvert(), nb::arg("count").noconvert(),
               nb::arg("threads"));
}
