// What knn.cpp sums up over the columns that two rows share, and the similarities that these sums give.
#pragma once

#include <algorithm>
#include <cmath>

namespace serendip {

struct Row {                     // what a measure may know of a row on its own
    double count, square, norm;  // number of stored values, sum of their squares, its root
};

// Cells: sums over the shared columns, x of the one row and y of the other; doubles where differences of sums are
// taken.

struct Product {
    float xy;
    void add(float x, float y) { xy += x * y; }
    bool touched() const { return xy != 0; }
    double n() const { return 1; }  // not counted: enough where one shared column is enough
};

template <class T>
struct Counted {
    T shared;
    bool touched() const { return shared != 0; }
    double n() const { return shared; }
};

template <class T>
struct CountedProduct : Counted<T> {
    T xy;
    void add(T x, T y) { this->shared += 1, xy += x * y; }
};

struct SquaredDifference : Counted<double> {
    double square;
    void add(double x, double y) { shared += 1, square += (x - y) * (x - y); }
};

struct SecondMoments : Counted<double> {
    double xy, xx, yy;
    void add(double x, double y) { shared += 1, xy += x * y, xx += x * x, yy += y * y; }
};

struct Moments : Counted<double> {
    double xy, xx, yy, sx, sy;
    void add(double x, double y) { shared += 1, xy += x * y, xx += x * x, yy += y * y, sx += x, sy += y; }
};

// Measures. `s` is added to the denominator, and is 0 in the overlap family, which is shrunk by the count.

// x'y over the product of the sizes; what is left of orthogonal rows by rounding is zero, and so are rows of size zero.
double cosine(double xy, double size, double s = 0) { return std::abs(xy) > 1e-6 * size ? xy / (size + s) : 0; }

template <class C>
struct Dot {
    using Cell = C;
    static double of(const Cell& c, const Row&, const Row&, double) { return c.xy; }
};

template <class C>
struct Cosine {
    using Cell = C;
    static constexpr bool falls_with_norm = true;  // at most xy over the product of the norms; kept above 0 only
    static double of(const Cell& c, const Row& a, const Row& b, double s) { return cosine(c.xy, a.norm * b.norm, s); }
};

struct Euclidean {
    using Cell = CountedProduct<double>;
    static double of(const Cell& c, const Row& a, const Row& b, double s) {
        return 1 / (1 + std::sqrt(std::max(0.0, a.square + b.square - 2 * c.xy)) + s);
    }
};

struct Jaccard {
    using Cell = CountedProduct<float>;
    static double of(const Cell& c, const Row& a, const Row& b, double s) {
        return c.shared / (a.count + b.count - c.shared + s);
    }
};

struct OverlapCosine {
    using Cell = SecondMoments;
    static double of(const Cell& c, const Row&, const Row&, double) { return cosine(c.xy, std::sqrt(c.xx * c.yy)); }
};

struct OverlapPearson {
    using Cell = Moments;
    static double of(const Cell& c, const Row&, const Row&, double) {
        const double x = c.shared * c.xx - c.sx * c.sx, y = c.shared * c.yy - c.sy * c.sy;
        if (x <= 1e-10 * c.shared * c.xx || y <= 1e-10 * c.shared * c.yy) return 0;  // constant, but for rounding
        return cosine(c.shared * c.xy - c.sx * c.sy, std::sqrt(x * y));
    }
};

struct OverlapEuclidean {
    using Cell = SquaredDifference;
    static double of(const Cell& c, const Row&, const Row&, double) { return 1 / (1 + c.square / c.shared); }
};

}  // namespace serendip
