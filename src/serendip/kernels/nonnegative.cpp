// One half-sweep of non-negative matrix factorisation: each row's non-negative least squares by coordinate descent
// (Cichocki, Phan: Fast Local Algorithms for Large Scale Nonnegative Matrix and Tensor Factorizations, IEICE Trans.
// E92-A(3), 2009; Hsieh, Dhillon: Fast Coordinate Descent Methods with Variable Selection for NMF, KDD 2011).

#include <nanobind/nanobind.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "arrays.hpp"
#include "parallel.hpp"

namespace nb = nanobind;

namespace serendip {

struct NonnegativeRows {  // y and gram are padded to `padded` columns
    const int64_t* indptr;
    const int32_t* indices;
    const float *weight, *target;  // weight: null where every weight is zero
    const float *y, *gram, *l2;
    float* x;
    int64_t rank, padded, sweeps;
    float tolerance;
};

}  // namespace serendip

#define SERENDIP_KERNEL "nonnegative_rows.hpp"
#include "each_isa.hpp"

namespace {

using serendip::In, serendip::InOut;

std::vector<float> padded(In<float, 2> rows, int64_t height, int64_t width) {
    const int64_t n = rows.shape(0), rank = rows.shape(1);
    std::vector<float> out(height * width, 0.0f);
    for (int64_t i = 0; i < n; ++i) std::copy_n(rows.data() + i * rank, rank, out.data() + i * width);
    return out;
}

void nonnegative_rows(In<int64_t, 1> indptr, In<int32_t, 1> indices, In<float, 1> weight, In<float, 1> target,
                      In<float, 2> y, In<float, 2> gram, In<float, 1> l2, InOut<float, 2> x, int64_t sweeps,
                      float tolerance, int threads) {
    const int64_t n = x.shape(0), rank = x.shape(1), nnz = indices.shape(0), m = y.shape(0);
    if (rank == 0) return;
    const int64_t width = SERENDIP_CHOOSE(nonnegative_padded)(rank);
    const std::vector<float> wide_y = padded(y, m, width), wide_gram = padded(gram, width, width);
    const bool weighted = std::any_of(weight.data(), weight.data() + nnz, [](float w) { return w != 0; });
    const serendip::NonnegativeRows p{indptr.data(), indices.data(), weighted ? weight.data() : nullptr,
                                      target.data(), wide_y.data(),  wide_gram.data(),
                                      l2.data(),     x.data(),       rank,
                                      width,         sweeps,         tolerance};
    const auto run = SERENDIP_CHOOSE(nonnegative_range);
    const int64_t size = SERENDIP_CHOOSE(nonnegative_scratch)(width);
    std::vector<std::vector<float>> scratch(threads);
    const int64_t chunk = std::clamp<int64_t>((1 << 22) / (width * width), 1, 32);  // well below a second
    serendip::parallel_for(n, chunk, threads, [&](int64_t begin, int64_t end, int thread) {
        scratch[thread].resize(size);
        run(p, begin, end, scratch[thread].data());
    });
}

}  // namespace

void bind_nonnegative(nb::module_& module) {
    module.def("nonnegative_rows", &nonnegative_rows, nb::arg("indptr").noconvert(), nb::arg("indices").noconvert(),
               nb::arg("weight").noconvert(), nb::arg("target").noconvert(), nb::arg("y").noconvert(),
               nb::arg("gram").noconvert(), nb::arg("l2").noconvert(), nb::arg("x").noconvert(), nb::arg("sweeps"),
               nb::arg("tolerance"), nb::arg("threads"));
}
