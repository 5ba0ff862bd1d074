// One half-sweep of alternating least squares for implicit feedback: each row's linear system, exactly or by conjugate
// gradients. Hu, Koren, Volinsky: Collaborative Filtering for Implicit Feedback Datasets, ICDM 2008. Takacs, Pilaszy,
// Tikk: Applications of the conjugate gradient method for implicit feedback collaborative filtering, RecSys 2011.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "parallel.hpp"

namespace nb = nanobind;

namespace serendip {

// What one half-sweep reads and writes. gram is padded to `padded` columns; rows of y are `stride` floats apart, and are
// padded for conjugate gradients only.
struct Rows {
    const std::int64_t* indptr;
    const std::int32_t* indices;
    std::int64_t nnz;
    const float* weight;
    const float* target;
    const float* y;
    const float* gram;
    const float* corners;
    const float* l2;
    float* x;
    std::int64_t rank, padded, stride, steps, block;
};

}  // namespace serendip

#define SERENDIP_KERNEL "als_rows.hpp"
#include "each_isa.hpp"

namespace {

using serendip::In, serendip::InOut;

struct Free {
    void operator()(void* p) const { ::operator delete[](p, std::align_val_t(64)); }
};
template <class T>
using Aligned = std::unique_ptr<T[], Free>;

template <class T>
Aligned<T> aligned(std::int64_t n) {
    const std::size_t bytes = sizeof(T) * static_cast<std::size_t>(std::max<std::int64_t>(n, 1));
    auto* p = static_cast<T*>(::operator new[](bytes, std::align_val_t(64)));
    std::memset(static_cast<void*>(p), 0, bytes);
    return Aligned<T>(p);
}

// Side of a tile, found by how rank 1 is padded.
std::int64_t tile_side() { return SERENDIP_CHOOSE(padded)(1); }

std::int64_t at(std::int64_t i, std::int64_t j, std::int64_t tile) {  // (i <= j) in triangle panels
    const std::int64_t panel = j / tile;
    return panel * (panel + 1) / 2 * tile * tile + i * tile + j % tile;
}

// The upper triangle of G (rank, rank), as panels.
Aligned<float> triangle_of(const float* gram, std::int64_t rank) {
    const std::int64_t tile = tile_side();
    auto g = aligned<float>(SERENDIP_CHOOSE(triangle_size)(rank));
    for (std::int64_t i = 0; i < rank; ++i)
        for (std::int64_t j = i / tile * tile; j < rank; j += tile)
            std::copy_n(gram + i * rank + j, std::min(tile, rank - j), g.get() + at(i, j, tile));
    return g;
}

std::domain_error not_positive(std::int64_t row) {
    return std::domain_error("the system of row " + std::to_string(row) +
                             " is not positive definite: give a larger l2, and weights that are not negative");
}

void solve_rows(In<std::int64_t, 1> indptr, In<std::int32_t, 1> indices, In<float, 1> weight, In<float, 1> target,
                In<float, 2> y, In<float, 2> gram, In<float, 1> l2, InOut<float, 2> x, const std::string& solver,
                std::int64_t steps, std::int64_t block, int threads) {
    const auto n = static_cast<std::int64_t>(x.shape(0)), rank = static_cast<std::int64_t>(x.shape(1));
    const auto m = static_cast<std::int64_t>(y.shape(0));
    if (rank == 0 || n == 0) return;
    const std::int64_t padded = SERENDIP_CHOOSE(padded)(rank), tile = tile_side();
    const std::int64_t width = (std::min(block, rank) + 15) / 16 * 16;  // whole tiles of every instruction set
    const bool exact = solver == "cholesky", cg = solver == "cg";

    Aligned<float> y_padded;
    if (cg && padded != rank) {
        y_padded = aligned<float>(m * padded);
        for (std::int64_t i = 0; i < m; ++i) std::copy_n(y.data() + i * rank, rank, y_padded.get() + i * padded);
    }
    const std::int64_t panel = SERENDIP_CHOOSE(panel);
    auto g = exact ? triangle_of(gram.data(), rank) : aligned<float>(padded * padded);
    for (std::int64_t i = 0; i < rank && !exact; ++i) {
        const float* row = gram.data() + i * rank;
        if (cg) {
            for (std::int64_t j = 0; j < rank; j += panel)
                std::copy_n(row + j, std::min(panel, rank - j),
                            g.get() + j * padded + i * std::min(panel, padded - j));
            continue;
        }
        for (std::int64_t j = 0; j < rank; j += tile)
            std::copy_n(row + j, std::min(tile, rank - j), g.get() + j * padded + i * tile);
    }
    const std::int64_t triangle = SERENDIP_CHOOSE(triangle_size)(width), blocks = (padded + width - 1) / width;
    Aligned<float> corners;
    if (solver == "subspace") {
        corners = aligned<float>(blocks * triangle);
        for (std::int64_t i = 0; i < rank; ++i)
            for (std::int64_t j = i; j < std::min((i / width + 1) * width, rank); ++j)
                corners[i / width * triangle + at(i % width, j % width, tile)] = gram.data()[i * rank + j];
    }

    const serendip::Rows rows{.indptr = indptr.data(),
                              .indices = indices.data(),
                              .nnz = static_cast<std::int64_t>(indices.shape(0)),
                              .weight = weight.data(),
                              .target = target.data(),
                              .y = y_padded ? y_padded.get() : y.data(),
                              .gram = g.get(),
                              .corners = corners.get(),
                              .l2 = l2.data(),
                              .x = x.data(),
                              .rank = rank,
                              .padded = padded,
                              .stride = y_padded ? padded : rank,
                              .steps = steps,
                              .block = width};
    std::int64_t longest = 0;
    for (std::int64_t u = 0; u < n; ++u) longest = std::max(longest, indptr.data()[u + 1] - indptr.data()[u]);
    const auto solve = exact ? SERENDIP_CHOOSE(cholesky_rows)
                       : cg  ? SERENDIP_CHOOSE(cg_rows)
                             : SERENDIP_CHOOSE(subspace_rows);
    const std::int64_t size = exact ? SERENDIP_CHOOSE(cholesky_scratch)(rank)
                              : cg  ? SERENDIP_CHOOSE(cg_scratch)(rank)
                                    : SERENDIP_CHOOSE(subspace_scratch)(rank, width, longest);
    std::vector<Aligned<float>> scratch(static_cast<std::size_t>(threads));
    serendip::parallel_for(n, 32, threads, [&](std::int64_t begin, std::int64_t end, int thread) {
        Aligned<float>& own = scratch[static_cast<std::size_t>(thread)];
        if (!own) own = aligned<float>(size);
        const std::int64_t failed = solve(rows, begin, end, own.get());
        if (failed >= 0) throw not_positive(failed);
    });
}

// `of` is the row of each of `item`; out holds for each item what its score owes to the interactions of its row.
void owed(In<std::int64_t, 1> indptr, In<std::int32_t, 1> indices, In<float, 1> weight, In<float, 1> target,
          In<float, 2> y, In<float, 2> gram, In<float, 1> l2, In<std::int32_t, 1> item, In<std::int64_t, 1> of,
          InOut<float, 1> out, int threads) {
    const auto rank = static_cast<std::int64_t>(y.shape(1)), m = static_cast<std::int64_t>(item.shape(0));
    const std::int64_t padded = SERENDIP_CHOOSE(padded)(rank);
    if (rank == 0 || m == 0) return;
    const auto g = triangle_of(gram.data(), rank);
    serendip::Rows rows{};
    rows.indptr = indptr.data();
    rows.indices = indices.data();
    rows.nnz = static_cast<std::int64_t>(indices.shape(0));
    rows.weight = weight.data();
    rows.target = target.data();
    rows.y = y.data();
    rows.gram = g.get();
    rows.l2 = l2.data();
    rows.rank = rows.stride = rank;
    rows.padded = padded;

    std::vector<std::int64_t> first, place{0};  // of the items of one row, and of what their scores owe
    for (std::int64_t i = 0; i < m; ++i) {
        if (i == 0 || of.data()[i] != of.data()[i - 1]) first.push_back(i);
        place.push_back(place.back() + indptr.data()[of.data()[i] + 1] - indptr.data()[of.data()[i]]);
    }
    const auto n = static_cast<std::int64_t>(first.size());
    first.push_back(m);
    const auto row = SERENDIP_CHOOSE(owed_row);
    std::vector<Aligned<float>> scratch(static_cast<std::size_t>(threads));
    serendip::parallel_for(n, 8, threads, [&](std::int64_t begin, std::int64_t end, int thread) {
        Aligned<float>& own = scratch[static_cast<std::size_t>(thread)];
        if (!own) own = aligned<float>(SERENDIP_CHOOSE(cholesky_scratch)(rank));
        for (std::int64_t r = begin; r < end; ++r) {
            const auto i = first[static_cast<std::size_t>(r)], last = first[static_cast<std::size_t>(r) + 1];
            if (!row(rows, of.data()[i], item.data() + i, last - i, out.data() + place[static_cast<std::size_t>(i)],
                     own.get()))
                throw not_positive(of.data()[i]);
        }
    });
}

void gram(In<float, 2> y, InOut<float, 2> out, int threads) {
    const auto m = static_cast<std::int64_t>(y.shape(0)), rank = static_cast<std::int64_t>(y.shape(1));
    const std::int64_t size = SERENDIP_CHOOSE(triangle_size)(rank), tile = tile_side();
    // The parts do not depend on the number of threads, therefore neither does the sum.
    const std::int64_t parts = std::clamp<std::int64_t>((m + 1023) / 1024, 1, 64), each = (m + parts - 1) / parts;
    const auto add = SERENDIP_CHOOSE(gram_rows);
    auto totals = aligned<double>(parts * size);
    std::vector<Aligned<float>> scratch;
    for (int t = 0; t < threads; ++t) scratch.push_back(aligned<float>(SERENDIP_CHOOSE(gram_scratch)(rank)));
    serendip::parallel_for(parts, 1, threads, [&](std::int64_t begin, std::int64_t end, int thread) {
        for (std::int64_t part = begin; part < end; ++part)
            add(y.data(), rank, std::min(part * each, m), std::min((part + 1) * each, m), totals.get() + part * size,
                scratch[static_cast<std::size_t>(thread)].get());
    });
    for (std::int64_t part = 1; part < parts; ++part)
        for (std::int64_t k = 0; k < size; ++k) totals[k] += totals[part * size + k];
    for (std::int64_t i = 0; i < rank; ++i)
        for (std::int64_t j = i; j < rank; ++j)
            out.data()[i * rank + j] = out.data()[j * rank + i] = static_cast<float>(totals[at(i, j, tile)]);
}

}  // namespace

void bind_als(nb::module_& m) {
    m.def("als_solve_rows", &solve_rows);
    m.def("als_owed", &owed);
    m.def("als_gram", &gram);
}
