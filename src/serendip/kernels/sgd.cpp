// One epoch of stochastic gradient descent for biased matrix factorisation (Koren, Bell, Volinsky, IEEE Computer 42(8),
// 2009), in the strata of Gemulla et al. (DSGD, KDD 2011): the blocks of one stratum share neither users nor items, so
// threads never meet and the result does not depend on how many there are.

#include <nanobind/nanobind.h>

#include <cstdint>
#include <numeric>
#include <vector>

#include "arrays.hpp"
#include "strata.hpp"

namespace nb = nanobind;

namespace serendip {

struct Ratings {  // (N,) each, in the order in which they are visited
    const std::int32_t *user, *item;
    const float* value;
};

struct Parameters {
    float mean;
    float *user_bias, *item_bias;  // (n_users,), (n_items,)
    float *p, *q;                  // (n_users, width), (n_items, width)
    std::int64_t width;
};

struct Steps {
    float learning_rate, l2, l2_bias;
};

}  // namespace serendip

#define SERENDIP_KERNEL "sgd_rows.hpp"
#include "each_isa.hpp"

namespace {

using serendip::In, serendip::InOut;

double epoch(In<int32_t, 1> user, In<int32_t, 1> item, In<float, 1> value, In<int64_t, 1> begin, In<int64_t, 1> shift,
             float mean, InOut<float, 1> user_bias, InOut<float, 1> item_bias, InOut<float, 2> p, InOut<float, 2> q,
             float learning_rate, float l2, float l2_bias, int threads) {
    const serendip::Ratings ratings{user.data(), item.data(), value.data()};
    const serendip::Parameters parameters{mean,     user_bias.data(), item_bias.data(),
                                          p.data(), q.data(),         static_cast<int64_t>(p.shape(1))};
    const serendip::Steps steps{learning_rate, l2, l2_bias};
    const auto descend = SERENDIP_CHOOSE(descend);
    const auto side = static_cast<int64_t>(shift.shape(0));
    std::vector<double> loss(static_cast<size_t>(side * side), 0);
    serendip::for_strata(side, shift.data(), threads, [&](int64_t g, int64_t h) {
        const int64_t block = g * side + h;
        loss[block] = descend(ratings, begin.data()[block], begin.data()[block + 1], parameters, steps);
    });
    if (PyErr_CheckSignals() != 0) throw nb::python_error();  // an epoch may be too short to be asked within
    return std::accumulate(loss.begin(), loss.end(), 0.0);
}

}  // namespace

void bind_sgd(nb::module_& module) {
    module.def("svd_epoch", &epoch, nb::arg("user").noconvert(), nb::arg("item").noconvert(),
               nb::arg("value").noconvert(), nb::arg("begin").noconvert(), nb::arg("shift").noconvert(), nb::arg("mean"),
               nb::arg("user_bias").noconvert(), nb::arg("item_bias").noconvert(), nb::arg("p").noconvert(),
               nb::arg("q").noconvert(), nb::arg("learning_rate"), nb::arg("l2"), nb::arg("l2_bias"),
               nb::arg("threads"));
}
