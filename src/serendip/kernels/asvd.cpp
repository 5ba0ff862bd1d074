// One epoch of asymmetric SVD (Koren, KDD 2008, equation 13) by gradient descent, user by user.
//
// A user's step takes the gradient of all of their squared errors at once, which is a sum over their items: three
// passes over rows of factors, O(rank) an item.

#include <nanobind/nanobind.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "arrays.hpp"
#include "users.hpp"

namespace nb = nanobind;

namespace serendip {

struct Told {                 // compressed rows by user: the items of each history
    const std::int64_t* begin;
    const std::int32_t* item;
    const bool* rated;        // whether there is a rating
    const float* rest;        // what it says beyond the baseline
};

struct Asymmetric {  // (n_items, rank) each
    float *y, *x, *z;
    std::int64_t rank;
};

}  // namespace serendip

#define SERENDIP_KERNEL "asvd_rows.hpp"
#include "each_isa.hpp"

namespace {

using serendip::In, serendip::InOut;

double epoch(In<int32_t, 1> order, In<int64_t, 1> begin, In<int32_t, 1> item, In<bool, 1> rated, In<float, 1> rest,
             InOut<float, 2> y, InOut<float, 2> x, InOut<float, 2> z, float learning_rate, float l2) {
    const serendip::Told told{begin.data(), item.data(), rated.data(), rest.data()};
    const serendip::Asymmetric w{y.data(), x.data(), z.data(), static_cast<int64_t>(y.shape(1))};
    const auto learn = SERENDIP_CHOOSE(asvd_learn);
    std::vector<float> scratch(static_cast<size_t>(3 * w.rank));
    return serendip::for_users(
        order, [&](int64_t u) { return learn(told, w, u, learning_rate, l2, scratch.data()); });
}

}  // namespace

void bind_asvd(nb::module_& module) {
    module.def("asvd_epoch", &epoch, nb::arg("order").noconvert(), nb::arg("begin").noconvert(),
               nb::arg("item").noconvert(), nb::arg("rated").noconvert(), nb::arg("rest").noconvert(),
               nb::arg("y").noconvert(), nb::arg("x").noconvert(), nb::arg("z").noconvert(), nb::arg("learning_rate"),
               nb::arg("l2"));
}
