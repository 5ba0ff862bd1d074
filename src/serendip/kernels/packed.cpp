// Scores over item rows in float16 or int8: a row is made float32 in a buffer of its own, once for a block of users.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "arrays.hpp"
#include "parallel.hpp"

#define SERENDIP_KERNEL "packed_rows.hpp"
#include "each_isa.hpp"

namespace nb = nanobind;

namespace {

using std::int64_t;

using serendip::In, serendip::InOut;

constexpr int64_t widest = 16;  // floats in a vector of any instruction set
constexpr int64_t block_items = 64;
constexpr int64_t block_users = 256;

// out[u][i] = scale[i] * (q[u] . values[i])
template <class Row, class Value>
void dots(In<float, 2> q, In<Value, 2> values, const float* scale, InOut<float, 2> out, int threads, Row unpack) {
    const auto users = static_cast<int64_t>(q.shape(0)), n = static_cast<int64_t>(values.shape(0));
    const auto rank = static_cast<int64_t>(values.shape(1));
    const int64_t room = (rank + widest - 1) / widest * widest;
    const auto dot = SERENDIP_CHOOSE(dot);
    std::vector<float> x(static_cast<std::size_t>(users * room), 0.0f);  // the users, filled up to whole vectors
    for (int64_t u = 0; u < users; ++u) std::copy_n(q.data() + u * rank, rank, x.data() + u * room);
    std::vector<std::vector<float>> rows(static_cast<std::size_t>(threads),
                                         std::vector<float>(static_cast<std::size_t>(block_items * room), 0.0f));
    const int64_t item_blocks = (n + block_items - 1) / block_items;
    const int64_t user_blocks = (users + block_users - 1) / block_users;
    serendip::parallel_for(item_blocks * user_blocks, 4, threads, [&](int64_t begin, int64_t end, int thread) {
        float* y = rows[static_cast<std::size_t>(thread)].data();
        for (int64_t block = begin; block < end; ++block) {
            const int64_t first = block / user_blocks * block_items, last = std::min(first + block_items, n);
            const int64_t from = block % user_blocks * block_users, to = std::min(from + block_users, users);
            for (int64_t i = first; i < last; ++i) unpack(values.data() + i * rank, rank, y + (i - first) * room);
            for (int64_t u = from; u < to; ++u)
                for (int64_t i = first; i < last; ++i) {
                    const float s = dot(x.data() + u * room, y + (i - first) * room, room);
                    out.data()[u * n + i] = scale == nullptr ? s : scale[i] * s;
                }
        }
    });
}

}  // namespace

void bind_packed(nb::module_& m) {
    using Scale = std::optional<In<float, 1>>;
    m.def(
        "dots_int8",
        [](In<float, 2> q, In<std::int8_t, 2> values, Scale scale, InOut<float, 2> out, int threads) {
            dots(q, values, scale ? scale->data() : nullptr, out, threads, SERENDIP_CHOOSE(of_int8));
        },
        nb::arg("q"), nb::arg("values"), nb::arg("scale").none(), nb::arg("out"), nb::arg("threads"));
    m.def(
        "dots_float16",
        [](In<float, 2> q, In<std::uint16_t, 2> values, Scale scale, InOut<float, 2> out, int threads) {
            dots(q, values, scale ? scale->data() : nullptr, out, threads, SERENDIP_CHOOSE(of_float16));
        },
        nb::arg("q"), nb::arg("values"), nb::arg("scale").none(), nb::arg("out"), nb::arg("threads"));
}
