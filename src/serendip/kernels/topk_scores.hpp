// The arithmetic of topk.cpp, compiled once an instruction set (each_isa.hpp).
//
// Items are packed in panels of `panel_items`: panel[f][item]. Each score is one sum over f in order, in a lane of its
// own, whatever the block, the tile or the thread: equal vectors get equal scores.

constexpr int panel_vecs = 2;
constexpr int panel_items = panel_vecs * lanes;
constexpr int tile_users = lanes == 16 ? 8 : lanes == 8 ? 6 : 4;

typedef int mask __attribute__((vector_size(4 * lanes)));

int64_t users_in_tile() { return tile_users; }

// Packs `count` items of y (n, rank), those named by `order` or else those from `first` on; the last panel is filled
// up with 0.
void pack(const float* y, int64_t rank, const int32_t* order, int64_t first, int64_t count, float* panels) {
    const int64_t whole = (count + panel_items - 1) / panel_items * panel_items;
    for (int64_t i = 0; i < whole; ++i) {
        float* out = panels + i / panel_items * panel_items * rank + i % panel_items;
        const float* in = y + (i >= count ? 0 : order ? order[first + i] : first + i) * rank;
        for (int64_t f = 0; f < rank; ++f) out[f * panel_items] = i < count ? in[f] : 0.0f;
    }
}

// out[u][i] = q[u] . y_i for a tile of users and `count` packed items; out has `stride` floats a user and room for
// whole panels.
void score(const float* const* q, const float* panels, int64_t rank, int64_t count, float* out, int64_t stride) {
    for (int64_t i = 0; i < count; i += panel_items, panels += panel_items * rank) {
        vec s[tile_users][panel_vecs];
        EACH (u, tile_users)
            EACH (v, panel_vecs) s[u][v] = vec{};
        const float* y = panels;
        for (int64_t f = 0; f < rank; ++f, y += panel_items) {
            vec x[panel_vecs];
            EACH (v, panel_vecs) x[v] = load(y + v * lanes);
            EACH (u, tile_users)
                EACH (v, panel_vecs) s[u][v] += q[u][f] * x[v];
        }
        EACH (u, tile_users)
            EACH (v, panel_vecs) store(out + u * stride + i + v * lanes, s[u][v]);
    }
}

// out[i] = the norm of row i of y for [begin, end), no less than it is; infinite where it overflows or is NaN.
void norms(const float* y, int64_t rank, int64_t begin, int64_t end, float* out) {
    for (int64_t i = begin; i < end; ++i) {
        const float* row = y + i * rank;
        vec part = {};
        int64_t f = 0;
        for (; f + lanes <= rank; f += lanes) part += load(row + f) * load(row + f);
        float s = sum(part);
        for (; f < rank; ++f) s += row[f] * row[f];
        const float raised = __builtin_sqrtf(s) * (1 + 1e-7f * static_cast<float>(rank + 8)) + 1e-20f;
        out[i] = raised <= 3e38f ? raised : __builtin_inff();
    }
}

// The first i >= begin with score[i] >= floor, or end. NaN is never found.
int64_t find(const float* score, int64_t begin, int64_t end, float floor) {
    const vec bar = floor - vec{};
    for (; begin + 4 * lanes <= end; begin += 4 * lanes) {
        const float* s = score + begin;
        const mask hit =
            (load(s) >= bar) | (load(s + lanes) >= bar) | (load(s + 2 * lanes) >= bar) | (load(s + 3 * lanes) >= bar);
        int any = 0;
        EACH (l, lanes) any |= hit[l];
        if (any) break;
    }
    while (begin < end && !(score[begin] >= floor)) ++begin;
    return begin;
}
