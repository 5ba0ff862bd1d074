// An epoch that visits the users one after the other, because nearly any two share items: threads would only wait.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>

#include "arrays.hpp"
#include "parallel.hpp"

namespace serendip {


// The sum of learn(user) over the users in this order.
template <class Learn>
double for_users(const In<std::int32_t, 1>& order, const Learn& learn) {
    double loss = 0;
    parallel_for(static_cast<std::int64_t>(order.shape(0)), 16, 1, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t t = begin; t < end; ++t) loss += learn(order.data()[t]);
    });
    if (PyErr_CheckSignals() != 0) throw nanobind::python_error();  // an epoch may be too short to be asked within
    return loss;
}

}  // namespace serendip
