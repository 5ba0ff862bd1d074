// How ratings of pairs of items differ, over the users who rated both (Lemire, Maclachlan, SDM 2005): row by row, as in
// Gustavson's sparse product, below the diagonal; what is above it is the same with the other sign.

#include <nanobind/nanobind.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "arrays.hpp"
#include "parallel.hpp"

namespace nb = nanobind;

namespace {

using serendip::In, serendip::InOut;

typedef float Pair __attribute__((vector_size(8)));  // difference and count: one addition for both

constexpr int64_t together = 16;  // rows that are made at once: what they mirror fills whole cache lines

void differences(In<int64_t, 1> by_user, In<int32_t, 1> item, In<float, 1> value, In<int64_t, 1> by_item,
                 In<int32_t, 1> user, In<int64_t, 1> place, InOut<float, 2> difference, InOut<float, 2> count,
                 int threads) {
    const int64_t n = difference.shape(0);
    std::vector<std::vector<Pair>> scratch(threads);
    serendip::parallel_for(n, together, threads, [&](int64_t begin, int64_t end, int thread) {
        std::vector<Pair>& pairs = scratch[thread];  // (end - begin, end)
        pairs.assign((end - begin) * end, Pair{0, 0});
        for (int64_t i = begin; i < end; ++i) {
            Pair* row = pairs.data() + (i - begin) * end;
            for (int64_t t = by_item.data()[i]; t < by_item.data()[i + 1]; ++t) {
                const int64_t own = place.data()[t];
                const float r = value.data()[own];
                for (int64_t s = by_user.data()[user.data()[t]]; s < own; ++s)
                    row[item.data()[s]] += Pair{r, 1} - Pair{value.data()[s], 0};
            }
            for (int64_t j = 0; j <= i; ++j) {
                difference.data()[i * n + j] = row[j][0];
                count.data()[i * n + j] = row[j][1];
            }
        }
        for (int64_t j = 0; j < end; ++j)
            for (int64_t i = std::max(begin, j + 1); i < end; ++i) {
                const Pair pair = pairs[(i - begin) * end + j];
                difference.data()[j * n + i] = 0 - pair[0];
                count.data()[j * n + i] = pair[1];
            }
    });
}

}  // namespace

void bind_slopeone(nb::module_& module) {
    module.def("slope_one_differences", &differences, nb::arg("by_user").noconvert(), nb::arg("item").noconvert(),
               nb::arg("value").noconvert(), nb::arg("by_item").noconvert(), nb::arg("user").noconvert(),
               nb::arg("place").noconvert(), nb::arg("difference").noconvert(), nb::arg("count").noconvert(),
               nb::arg("threads"));
}
