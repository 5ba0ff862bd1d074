// One step of logistic matrix factorisation (Johnson, 2014): every row of one side up the gradient of the
// log-likelihood, the other side fixed.

#include <nanobind/nanobind.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "arrays.hpp"
#include "parallel.hpp"

namespace nb = nanobind;

namespace serendip {

struct Interactions {  // compressed rows: what each took, and how much more than once that counts
    const std::int64_t* begin;
    const std::int32_t* index;
    const float* weight;
};

struct Sides {
    float *x, *square;          // (n, width) the rows that step, and their sums of squared gradients
    const float* y;             // (m, width) the fixed rows
    const float *drawn, *each;  // (n_drawn, width) those that every row is compared with, (n_drawn,) for how many each
                                // of them stands
    std::int64_t n_drawn, width, rank, fixed;  // columns from the rank on have no penalty; column `fixed` stays
};

struct Ascent {
    float learning_rate, l2;
};

constexpr int TOGETHER = 4;  // rows that are compared at once, so that a drawn row is read once for them

}  // namespace serendip

#define SERENDIP_KERNEL "logistic_rows.hpp"
#include "each_isa.hpp"

namespace {

using serendip::In, serendip::InOut;

void step(In<int64_t, 1> begin, In<int32_t, 1> index, In<float, 1> weight, InOut<float, 2> x, InOut<float, 2> square,
          In<float, 2> y, In<float, 2> drawn, In<float, 1> each, int64_t rank, int64_t fixed, float learning_rate,
          float l2, int threads) {
    const serendip::Interactions taken{begin.data(), index.data(), weight.data()};
    const serendip::Sides sides{x.data(),
                                square.data(),
                                y.data(),
                                drawn.data(),
                                each.data(),
                                static_cast<int64_t>(drawn.shape(0)),
                                static_cast<int64_t>(x.shape(1)),
                                rank,
                                fixed};
    const serendip::Ascent ascent{learning_rate, l2};
    const auto n = static_cast<int64_t>(x.shape(0));
    int64_t longest = 0;
    for (int64_t u = 0; u < n; ++u) longest = std::max(longest, begin.data()[u + 1] - begin.data()[u]);
    const int64_t room = serendip::TOGETHER * (sides.n_drawn + sides.width) + longest + 64;
    std::vector<std::vector<float>> scratch(std::max(threads, 1));
    const auto climb = SERENDIP_CHOOSE(logistic_climb);
    serendip::parallel_for(n, 64, threads, [&](int64_t first, int64_t last, int thread) {
        scratch[thread].resize(static_cast<size_t>(room));
        climb(taken, sides, ascent, first, last, scratch[thread].data());
    });
    if (PyErr_CheckSignals() != 0) throw nb::python_error();  // a step may be too short to be asked within
}

}  // namespace

void bind_logistic(nb::module_& module) {
    module.def("logistic_step", &step, nb::arg("begin").noconvert(), nb::arg("index").noconvert(),
               nb::arg("weight").noconvert(), nb::arg("x").noconvert(), nb::arg("square").noconvert(),
               nb::arg("y").noconvert(), nb::arg("drawn").noconvert(), nb::arg("each").noconvert(), nb::arg("rank"),
               nb::arg("fixed"), nb::arg("learning_rate"), nb::arg("l2"), nb::arg("threads"));
}
