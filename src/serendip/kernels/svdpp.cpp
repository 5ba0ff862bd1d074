// One epoch of SVD++ (Koren, KDD 2008, equation 15) by stochastic gradient descent, user by user.
//
// At each rating all y_j of its user get the same decay and the same increment, so neither is written at once: the sum
// z = |N|^-1/2 sum_j y_j follows both in O(rank), and the y_j take decay and increment together after the user's last
// rating.

#include <nanobind/nanobind.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "arrays.hpp"
#include "users.hpp"

namespace nb = nanobind;

namespace serendip {

struct ItemRows {  // compressed rows by user
    const std::int64_t* begin;
    const std::int32_t* item;
};

struct Implied {
    float mean;
    float *user_bias, *item_bias;  // (n_users,), (n_items,)
    float *p, *q, *y;              // (n_users, rank), (n_items, rank), (n_items, rank)
    std::int64_t rank;
};

struct ImpliedSteps {
    float learning_rate, l2, l2_bias, l2_implied;
};

}  // namespace serendip

#define SERENDIP_KERNEL "svdpp_rows.hpp"
#include "each_isa.hpp"

namespace {

using serendip::In, serendip::InOut;

double epoch(In<int32_t, 1> order, In<int64_t, 1> implied_begin, In<int32_t, 1> implied_item, In<int64_t, 1> begin,
             In<int32_t, 1> item, In<float, 1> value, float mean, InOut<float, 1> user_bias, InOut<float, 1> item_bias,
             InOut<float, 2> p, InOut<float, 2> q, InOut<float, 2> y, float learning_rate, float l2, float l2_bias,
             float l2_implied) {
    const serendip::ItemRows implied{implied_begin.data(), implied_item.data()}, rated{begin.data(), item.data()};
    const serendip::Implied w{
        mean, user_bias.data(), item_bias.data(), p.data(), q.data(), y.data(), static_cast<int64_t>(p.shape(1))};
    const serendip::ImpliedSteps steps{learning_rate, l2, l2_bias, l2_implied};
    const auto learn = SERENDIP_CHOOSE(svdpp_learn);
    std::vector<float> scratch(static_cast<size_t>(2 * w.rank));
    return serendip::for_users(
        order, [&](int64_t u) { return learn(implied, rated, value.data(), w, steps, u, scratch.data()); });
}

}  // namespace

void bind_svdpp(nb::module_& module) {
    module.def("svdpp_epoch", &epoch, nb::arg("order").noconvert(), nb::arg("implied_begin").noconvert(),
               nb::arg("implied_item").noconvert(), nb::arg("begin").noconvert(), nb::arg("item").noconvert(),
               nb::arg("value").noconvert(), nb::arg("mean"), nb::arg("user_bias").noconvert(),
               nb::arg("item_bias").noconvert(), nb::arg("p").noconvert(), nb::arg("q").noconvert(),
               nb::arg("y").noconvert(), nb::arg("learning_rate"), nb::arg("l2"), nb::arg("l2_bias"),
               nb::arg("l2_implied"));
}
