// The arithmetic of als.cpp, compiled once an instruction set (each_isa.hpp).
//
// A matrix of `rank` columns, padded to whole tiles, is kept as panels: panel J holds columns [J*tile, (J+1)*tile) of
// all its rows, row after row. Every product here then reads two contiguous streams: C[r][:] += a[k][r] * b[k][:], with
// a tile of C in registers.

constexpr int tile = lanes < 8 ? 8 : lanes;
constexpr int vecs = tile / lanes;  // vectors in a row of a tile
constexpr int batch = 64;           // interactions gathered at once

int64_t padded(int64_t rank) { return (rank + tile - 1) / tile * tile; }

// Offset, in floats, of panel J of an upper triangle: the panels before it have (1 + ... + J) * tile rows.
INLINE int64_t triangle(int64_t j) { return j * (j + 1) / 2 * tile * tile; }

int64_t triangle_size(int64_t rank) { return triangle(padded(rank) / tile); }

typedef struct {
    vec row[tile][vecs];
} Tile;

INLINE void load_tile(Tile& c, const float* p) {
    EACH (r, tile)
        EACH (v, vecs) c.row[r][v] = load(p + r * tile + v * lanes);
}

INLINE void store_tile(float* p, const Tile& c) {
    EACH (r, tile)
        EACH (v, vecs) store(p + r * tile + v * lanes, c.row[r][v]);
}

// c += sum over k < count of a[k]' b[k], for two panels of `tile` columns.
INLINE void add_products(Tile& c, const float* a, const float* b, int64_t count) {
    for (int64_t k = 0; k < count; ++k, a += tile, b += tile) {
        vec x[vecs];
        EACH (v, vecs) x[v] = load(b + v * lanes);
        EACH (r, tile)
            EACH (v, vecs) c.row[r][v] += a[r] * x[v];
    }
}

INLINE void subtract_products(Tile& c, const float* a, const float* b, int64_t count) {
    for (int64_t k = 0; k < count; ++k, a += tile, b += tile) {
        vec x[vecs];
        EACH (v, vecs) x[v] = load(b + v * lanes);
        EACH (r, tile)
            EACH (v, vecs) c.row[r][v] -= a[r] * x[v];
    }
}

// Columns [column, column + tile) of row i of y; what lies beyond the last column is 0.
INLINE void load_row(vec* x, const Rows& p, int64_t i, int64_t column) {
    const float* y = p.y + i * p.stride + column;
    if (column + tile <= p.stride) {
        EACH (v, vecs) x[v] = load(y + v * lanes);
        return;
    }
    float part[tile] = {};
    for (int64_t k = 0; k < p.stride - column; ++k) part[k] = y[k];
    EACH (v, vecs) x[v] = load(part + v * lanes);
}

// Up to `batch` interactions of one row, `width` columns of y from `column` on, as panels of y_i and of weight_i y_i;
// adds target_i y_i to the right-hand side b. `target` counts from `begin`.
void gather(const Rows& p, int64_t begin, int64_t end, int64_t column, int64_t width, const float* target, float* plain,
            float* weighted, float* b) {
    for (int64_t t = begin; t < end; ++t) {
        if (t + 4 < p.nnz) {
            const char* ahead = reinterpret_cast<const char*>(p.y + p.indices[t + 4] * p.stride + column);
            for (int64_t o = 0; o < 4 * width; o += 64) __builtin_prefetch(ahead + o);
        }
        const float w = p.weight[t], v_t = target[t - begin];
        float* row = plain + (t - begin) * tile;
        float* wrow = weighted + (t - begin) * tile;
        for (int64_t j = 0; j < width; j += tile, row += batch * tile, wrow += batch * tile) {
            vec x[vecs];
            load_row(x, p, p.indices[t], column + j);
            EACH (v, vecs) {
                store(row + v * lanes, x[v]);
                store(wrow + v * lanes, w * x[v]);
                store(b + j + v * lanes, load(b + j + v * lanes) + v_t * x[v]);
            }
        }
    }
}

// a (triangle panels) = start + sum of the gathered weighted' plain.
INLINE void add_triangle(float* a, const float* start, const float* weighted, const float* plain, int64_t tiles,
                         int64_t count) {
    for (int64_t j = 0; j < tiles; ++j)
        for (int64_t i = 0; i <= j; ++i) {
            const int64_t at = triangle(j) + i * tile * tile;
            Tile c;
            load_tile(c, start + at);
            add_products(c, weighted + i * batch * tile, plain + j * batch * tile, count);
            store_tile(a + at, c);
        }
}

// One diagonal tile: c = U'U, z = U'^-1 b. Writes U to `u`, the inverse pivots, and z over b. False where a pivot is
// not positive.
INLINE bool factor_diagonal(Tile& c, float* u, float* inverse, float* b) {
    vec rhs[vecs];
    EACH (v, vecs) rhs[v] = load(b + v * lanes);
    bool positive = true;
    EACH (k, tile) {
        const float pivot = c.row[k][k / lanes][k % lanes];
        positive &= pivot > 0.0f;
        inverse[k] = 1.0f / __builtin_sqrtf(pivot);
        EACH (v, vecs) {
            c.row[k][v] *= inverse[k];
            store(u + k * tile + v * lanes, c.row[k][v]);
        }
        EACH_AFTER (k, r, tile)
            EACH (v, vecs) c.row[r][v] -= u[k * tile + r] * c.row[k][v];
        b[k] = rhs[k / lanes][k % lanes] * inverse[k];
        EACH (v, vecs) rhs[v] -= b[k] * c.row[k][v];
    }
    return positive;
}

// Solves U x = z, x over z in `b`, for the panels of U as `cholesky_solve` leaves them.
INLINE void backward(const float* a, const float* inverse, float* b, int64_t tiles) {
    for (int64_t i = tiles - 1; i >= 0; --i) {
        float* x = b + i * tile;
        for (int r = 0; r < tile; ++r) {
            vec s = {};
            for (int64_t j = i + 1; j < tiles; ++j)
                for (int v = 0; v < vecs; ++v)
                    s += load(a + triangle(j) + (i * tile + r) * tile + v * lanes) * load(b + j * tile + v * lanes);
            x[r] -= sum(s);
        }
        const float* u = a + triangle(i) + i * tile * tile;
        for (int k = tile - 1; k >= 0; --k) {
            x[k] *= inverse[i * tile + k];
            for (int r = 0; r < k; ++r) x[r] -= u[r * tile + k] * x[k];
        }
    }
}

// Solves U'z = b, z over b.
INLINE void forward(const float* a, const float* inverse, float* b, int64_t tiles) {
    for (int64_t i = 0; i < tiles; ++i) {
        const int64_t above = i * tile;
        const float *panel = a + triangle(i), *diagonal = panel + above * tile;
        vec rhs[vecs];
        EACH (v, vecs) rhs[v] = load(b + above + v * lanes);
        for (int64_t k = 0; k < above; ++k)
            EACH (v, vecs) rhs[v] -= b[k] * load(panel + k * tile + v * lanes);
        EACH (v, vecs) store(b + above + v * lanes, rhs[v]);
        for (int k = 0; k < tile; ++k) {
            b[above + k] *= inverse[above + k];
            for (int r = k + 1; r < tile; ++r) b[above + r] -= b[above + k] * diagonal[k * tile + r];
        }
    }
}

// Solves A x = b by A = U'U, x over b; `a` holds the panels of A's upper triangle and receives U. (Left-looking, tile
// by tile.)
bool cholesky_solve(float* a, float* inverse, float* b, int64_t tiles) {
    for (int64_t i = 0; i < tiles; ++i) {
        float* pi = a + triangle(i);
        float* diagonal = pi + i * tile * tile;
        const int64_t above = i * tile;
        Tile c;
        load_tile(c, diagonal);
        subtract_products(c, pi, pi, above);
        vec rhs[vecs];
        EACH (v, vecs) rhs[v] = load(b + above + v * lanes);
        for (int64_t k = 0; k < above; ++k)
            EACH (v, vecs) rhs[v] -= b[k] * load(pi + k * tile + v * lanes);
        EACH (v, vecs) store(b + above + v * lanes, rhs[v]);
        if (!factor_diagonal(c, diagonal, inverse + above, b + above)) return false;
        for (int64_t j = i + 1; j < tiles; ++j) {
            float* pj = a + triangle(j);
            load_tile(c, pj + above * tile);
            subtract_products(c, pi, pj, above);
            EACH (k, tile) {
                EACH (v, vecs) c.row[k][v] *= inverse[above + k];
                EACH_AFTER (k, r, tile)
                    EACH (v, vecs) c.row[r][v] -= diagonal[k * tile + r] * c.row[k][v];
            }
            store_tile(pj + above * tile, c);
        }
    }
    backward(a, inverse, b, tiles);
    return true;
}

int64_t cholesky_scratch(int64_t rank) { return triangle_size(rank) + 2 * padded(rank) * batch + 2 * padded(rank); }

// The system of row u, which has interactions: panels of U of A = U'U into `a`, the solution into b. `scratch` holds two
// matrices of `batch` rows. False where A is not positive definite. `gram` holds triangle panels.
INLINE bool solve_row(const Rows& p, int64_t u, float* a, float* inverse, float* b, float* scratch) {
    const int64_t tiles = p.padded / tile, last = p.indptr[u + 1];
    float *plain = scratch, *weighted = plain + p.padded * batch;
    for (int64_t k = 0; k < p.padded; ++k) b[k] = 0.0f;
    const float* start = p.gram;
    for (int64_t t = p.indptr[u]; t < last; t += batch, start = a) {
        const int64_t count = last - t < batch ? last - t : batch;
        gather(p, t, t + count, 0, p.padded, p.target + t, plain, weighted, b);
        add_triangle(a, start, weighted, plain, tiles, count);
    }
    for (int64_t k = 0; k < p.padded; ++k)  // the padding becomes an identity
        a[triangle(k / tile) + k * tile + k % tile] += k < p.rank ? p.l2[u] : 1.0f;
    return cholesky_solve(a, inverse, b, tiles);
}

// Rows [begin, end) exactly; returns the first row whose system is not positive definite, or -1.
int64_t cholesky_rows(const Rows& p, int64_t begin, int64_t end, float* scratch) {
    float* a = scratch;
    float* b = a + triangle_size(p.rank);
    float* inverse = b + p.padded;
    for (int64_t u = begin; u < end; ++u) {
        float* x = p.x + u * p.rank;
        const bool empty = p.indptr[u] == p.indptr[u + 1];
        if (!empty && !solve_row(p, u, a, inverse, b, inverse + p.padded)) return u;
        for (int64_t k = 0; k < p.rank; ++k) x[k] = empty ? 0.0f : b[k];
    }
    return -1;
}

// What the scores of `count` items owe to each interaction of row u: target_t y_i'A^-1 y_t, item after item. False where
// A is not positive definite.
bool owed_row(const Rows& p, int64_t u, const int32_t* item, int64_t count, float* out, float* scratch) {
    const int64_t first = p.indptr[u], length = p.indptr[u + 1] - first;
    if (length == 0) return true;
    float* a = scratch;
    float* z = a + triangle_size(p.rank);
    float* inverse = z + p.padded;
    if (!solve_row(p, u, a, inverse, z, inverse + p.padded)) return false;
    for (int64_t m = 0; m < count; ++m, out += length) {
        for (int64_t k = 0; k < p.padded; ++k) z[k] = k < p.rank ? p.y[item[m] * p.stride + k] : 0.0f;
        forward(a, inverse, z, p.padded / tile);
        backward(a, inverse, z, p.padded / tile);
        for (int64_t t = 0; t < length; ++t) {
            vec s[vecs] = {};
            for (int64_t j = 0; j < p.padded; j += tile) {
                vec y[vecs];
                load_row(y, p, p.indices[first + t], j);
                EACH (v, vecs) s[v] += y[v] * load(z + j + v * lanes);
            }
            float product = 0.0f;
            for (int v = 0; v < vecs; ++v) product += sum(s[v]);
            out[t] = p.target[first + t] * product;
        }
    }
    return true;
}

constexpr int abreast = 4;                 // rows whose products with G are in registers together
constexpr int most = 16;                   // rows that go together where G is larger than the cache beside a core
constexpr int across = lanes < 16 ? 2 : 4;          // vectors of columns of such a product in registers
constexpr int64_t panel = int64_t(across) * lanes;  // columns of G that lie together, for conjugate gradients

// Columns [j, j + vectors * lanes) of out_q = (G + l2_q I) v_q for some rows abreast. `v` and `out` are
// (abreast, n); `g` holds these columns of G, each of its rows `stride` floats after the one before.
INLINE void multiply_panel(int vectors, const float* g, int64_t stride, const float* l2, const float* v, float* out,
                           int64_t j, int64_t n) {
    vec s[abreast][across];
    EACH (q, abreast)
        EACH (c, vectors) s[q][c] = l2[q] * load(v + q * n + j + c * lanes);
    for (int64_t k = 0; k < n; ++k, g += stride) {
        vec x[across];
        EACH (c, vectors) x[c] = load(g + c * lanes);
        EACH (q, abreast)
            EACH (c, vectors) s[q][c] += v[q * n + k] * x[c];
    }
    EACH (q, abreast)
        EACH (c, vectors) store(out + q * n + j + c * lanes, s[q][c]);
}

// out_q = (G + l2_q I) v_q for `count` rows; `gram` holds panels of G, the last of which may be narrower.
INLINE void multiply_gram(const Rows& p, int count, const float* l2, const float* v, float* out) {
    const int64_t n = p.padded;
    for (int64_t j = 0; j < n; j += panel) {
        const int64_t stride = n - j < panel ? n - j : panel;
        const float* g = p.gram + j * n;
        for (int q = 0; q < count; q += abreast) {
            if (stride == panel) {
                multiply_panel(across, g, stride, l2 + q, v + q * n, out + q * n, j, n);
                continue;
            }
            for (int64_t k = 0; k < stride; k += lanes)
                multiply_panel(1, g + k, stride, l2 + q, v + q * n, out + q * n, j + k, n);
        }
    }
}

// out += sum over interactions [begin, end) of (target_i - weight_i y_i'v) y_i, or, without targets, of weight_i y_i'v
// y_i. Four interactions at once; past the end they weigh 0. The first pass over a row, the one with targets, fetches
// ahead.
INLINE void add_rows(const Rows& p, int64_t begin, int64_t end, const float* v, float* __restrict out, bool targets,
                     int64_t n) {
    constexpr int64_t ahead = 16;  // interactions whose rows are fetched before they are needed
    for (int64_t t = begin; t < end; t += 4) {
        const float* y[4];
        vec4 weight = {}, target = {};
        EACH (q, 4) {
            const bool inside = t + q < end;
            y[q] = p.y + p.indices[inside ? t + q : t] * n;
            weight[q] = inside ? p.weight[t + q] : 0.0f;
            target[q] = inside && targets ? p.target[t + q] : 0.0f;
            if (targets && t + q + ahead < p.nnz) {
                const float* next = p.y + p.indices[t + q + ahead] * n;
                for (int64_t j = 0; j < n; j += 16) __builtin_prefetch(next + j);
            }
        }
        vec d[4] = {};
        for (int64_t j = 0; j < n; j += lanes) {
            const vec x = load(v + j);
            EACH (q, 4) d[q] += load(y[q] + j) * x;
        }
        const vec4 product = weight * four_sums(d[0], d[1], d[2], d[3]), s = targets ? target - product : product;
        for (int64_t j = 0; j < n; j += lanes)
            store(out + j, load(out + j) + ((s[0] * load(y[0] + j) + s[1] * load(y[1] + j)) +
                                            (s[2] * load(y[2] + j) + s[3] * load(y[3] + j))));
    }
}

INLINE float dot(const float* a, const float* b, int64_t n) {
    vec s = {};
    for (int64_t j = 0; j < n; j += lanes) s += load(a + j) * load(b + j);
    return sum(s);
}

int64_t cg_scratch(int64_t rank) { return 4 * most * padded(rank); }

// Rows [begin, end) by p.steps steps of conjugate gradients from x as they stand, some together.
INLINE int64_t cg_rows_of(const Rows& p, int64_t begin, int64_t end, float* scratch, int64_t n) {
    const int together = n <= 512 ? abreast : most;
    float *xs = scratch, *rs = xs + together * n, *ds = rs + together * n, *ads = ds + together * n;
    while (begin < end) {
        int64_t row[most];
        int count = 0;
        for (; begin < end && count < together; ++begin)
            if (p.indptr[begin] < p.indptr[begin + 1])
                row[count++] = begin;
            else
                for (int64_t k = 0; k < p.rank; ++k) p.x[begin * p.rank + k] = 0.0f;
        float l2[most] = {}, rr[most] = {};
        for (int q = 0; q < count; ++q) {
            l2[q] = p.l2[row[q]];
            for (int64_t k = 0; k < n; ++k) xs[q * n + k] = k < p.rank ? p.x[row[q] * p.rank + k] : 0.0f;
        }
        multiply_gram(p, count, l2, xs, ads);
        for (int q = 0; q < count; ++q) {
            float *r = rs + q * n, *d = ds + q * n;
            for (int64_t j = 0; j < n; j += lanes) store(r + j, -load(ads + q * n + j));
            add_rows(p, p.indptr[row[q]], p.indptr[row[q] + 1], xs + q * n, r, true, n);
            for (int64_t j = 0; j < n; j += lanes) store(d + j, load(r + j));
            rr[q] = dot(r, r, n);
        }
        for (int64_t step = 0; step < p.steps; ++step) {
            multiply_gram(p, count, l2, ds, ads);
            for (int q = 0; q < count; ++q) {
                if (rr[q] <= 1e-20f) continue;
                float *x = xs + q * n, *r = rs + q * n, *d = ds + q * n, *ad = ads + q * n;
                add_rows(p, p.indptr[row[q]], p.indptr[row[q] + 1], d, ad, false, n);
                const float alpha = rr[q] / dot(d, ad, n);
                for (int64_t j = 0; j < n; j += lanes) {
                    store(x + j, load(x + j) + alpha * load(d + j));
                    store(r + j, load(r + j) - alpha * load(ad + j));
                }
                const float next = dot(r, r, n);
                for (int64_t j = 0; j < n; j += lanes) store(d + j, load(r + j) + (next / rr[q]) * load(d + j));
                rr[q] = next;
            }
        }
        for (int q = 0; q < count; ++q)
            for (int64_t k = 0; k < p.rank; ++k) p.x[row[q] * p.rank + k] = xs[q * n + k];
    }
    return -1;
}

// A number of factors that is known when this is compiled keeps sums and directions in registers.
int64_t cg_rows(const Rows& p, int64_t begin, int64_t end, float* scratch) {
    return p.padded == 64 ? cg_rows_of(p, begin, end, scratch, 64) : cg_rows_of(p, begin, end, scratch, p.padded);
}

int64_t subspace_scratch(int64_t rank, int64_t block, int64_t longest) {
    const int64_t width = padded(block);
    return padded(rank) * (tile + 1) + width * tile + triangle_size(width) + 2 * width * batch + 2 * width +
           longest * tile;
}

// One pass over blocks of coordinates for rows [begin, end) (iALS++, algorithm 1): each block of a row is solved
// exactly while the others stand still, with the row's residuals target - weight * prediction kept up to date. A tile of
// rows goes together, so that their products with `gram` (full panels here) are one matrix product. `corners` holds the
// triangle panels of each block of gram's diagonal.
int64_t subspace_rows(const Rows& p, int64_t begin, int64_t end, float* scratch) {
    const int64_t width = padded(p.block), tiles = width / tile;
    float* x = scratch;                           // (padded, tile): the rows, transposed
    float* own = x + p.padded * tile;             // one row
    float* product = own + p.padded;              // x gram in the columns of a block, tile by tile
    float* a = product + width * tile;
    float* plain = a + triangle_size(width);
    float* weighted = plain + width * batch;
    float* step = weighted + width * batch;
    float* inverse = step + width;
    float* residual = inverse + width;
    for (int64_t first = begin; first < end; first += tile) {
        const int64_t rows = end - first < tile ? end - first : tile;
        for (int64_t k = 0; k < p.padded * tile; ++k) x[k] = 0.0f;
        for (int64_t r = 0; r < rows; ++r) {
            const int64_t u = first + r;
            if (p.indptr[u] == p.indptr[u + 1]) continue;
            for (int64_t k = 0; k < p.padded; ++k) {
                own[k] = k < p.rank ? p.x[u * p.rank + k] : 0.0f;
                x[k * tile + r] = own[k];
            }
            for (int64_t t = p.indptr[u]; t < p.indptr[u + 1]; ++t) {
                vec s[vecs] = {};
                for (int64_t j = 0; j < p.padded; j += tile) {
                    vec y[vecs];
                    load_row(y, p, p.indices[t], j);
                    EACH (v, vecs) s[v] += y[v] * load(own + j + v * lanes);
                }
                float prediction = 0.0f;
                for (int v = 0; v < vecs; ++v) prediction += sum(s[v]);
                residual[t - p.indptr[first]] = p.target[t] - p.weight[t] * prediction;
            }
        }
        for (int64_t column = 0; column < p.padded; column += width) {
            const int64_t here = p.padded - column < width ? (p.padded - column) / tile : tiles;
            for (int64_t j = 0; j < here; ++j) {
                Tile c = {};
                add_products(c, x, p.gram + (column / tile + j) * p.padded * tile, p.padded);
                store_tile(product + j * tile * tile, c);
            }
            const float* corner = p.corners + column / width * triangle_size(width);
            for (int64_t r = 0; r < rows; ++r) {
                const int64_t u = first + r, from = p.indptr[u], to = p.indptr[u + 1];
                if (from == to) continue;
                float* e = residual + (from - p.indptr[first]);
                for (int64_t k = 0; k < here * tile; ++k)
                    step[k] = -product[k / tile * tile * tile + r * tile + k % tile] - p.l2[u] * x[(column + k) * tile + r];
                const float* start = corner;
                for (int64_t t = from; t < to; t += batch, start = a) {
                    const int64_t count = to - t < batch ? to - t : batch;
                    gather(p, t, t + count, column, here * tile, e + (t - from), plain, weighted, step);
                    add_triangle(a, start, weighted, plain, here, count);
                }
                for (int64_t k = 0; k < here * tile; ++k)
                    a[triangle(k / tile) + k * tile + k % tile] += column + k < p.rank ? p.l2[u] : 1.0f;
                if (!cholesky_solve(a, inverse, step, here)) return u;
                for (int64_t k = 0; k < here * tile; ++k) x[(column + k) * tile + r] += step[k];
                for (int64_t t = from; t < to && column + width < p.padded; ++t) {
                    vec s[vecs] = {};
                    for (int64_t j = 0; j < here * tile; j += tile) {
                        vec y[vecs];
                        load_row(y, p, p.indices[t], column + j);
                        EACH (v, vecs) s[v] += y[v] * load(step + j + v * lanes);
                    }
                    float change = 0.0f;
                    for (int v = 0; v < vecs; ++v) change += sum(s[v]);
                    e[t - from] -= p.weight[t] * change;
                }
            }
        }
        for (int64_t r = 0; r < rows; ++r)
            for (int64_t k = 0; k < p.rank; ++k) p.x[(first + r) * p.rank + k] = x[k * tile + r];
    }
    return -1;
}

int64_t gram_scratch(int64_t rank) { return padded(rank) * 4 * batch; }

// total (triangle panels) += y'y over rows [begin, end) of y (m, rank); float sums of 4 * batch rows, added up in
// double.
void gram_rows(const float* y, int64_t rank, int64_t begin, int64_t end, double* total, float* scratch) {
    constexpr int64_t rows = 4 * batch;
    const int64_t tiles = padded(rank) / tile;
    for (int64_t k = 0; k < gram_scratch(rank); ++k) scratch[k] = 0.0f;
    for (int64_t u = begin; u < end; u += rows) {
        const int64_t count = end - u < rows ? end - u : rows;
        for (int64_t t = 0; t < count; ++t)
            for (int64_t k = 0; k < rank; ++k)
                scratch[k / tile * rows * tile + t * tile + k % tile] = y[(u + t) * rank + k];
        for (int64_t j = 0; j < tiles; ++j)
            for (int64_t i = 0; i <= j; ++i) {
                Tile c = {};
                add_products(c, scratch + i * rows * tile, scratch + j * rows * tile, count);
                float sums[tile * tile];
                store_tile(sums, c);
                double* out = total + triangle(j) + i * tile * tile;
                for (int k = 0; k < tile * tile; ++k) out[k] += sums[k];
            }
    }
}
