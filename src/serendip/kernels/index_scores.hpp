// The arithmetic of index.cpp, compiled once an instruction set (each_isa.hpp).
//
// Codes are kept in panels of 64 items: code[panel][f / 4][item], four factors of 8 bits in a word.

typedef int32_t words __attribute__((vector_size(4 * lanes)));
typedef int32_t words_anywhere __attribute__((vector_size(4 * lanes), aligned(4), may_alias));

int64_t candidates_at_once() { return lanes; }

INLINE vec widen(words w, int place) { return __builtin_convertvector(w << (24 - 8 * place) >> 24, vec); }

// out[i] = q . code_i for the 64 items of a panel; q has 4 `quads` factors.
void rough(const float* q, const int32_t* code, int64_t quads, float* out) {
    constexpr int width = lanes == 4 ? 8 : 64 / lanes;  // vectors in registers: 8, 8 or 4
    for (int part = 0; part < 64; part += width * lanes) {
        vec s[width];
        EACH (v, width) s[v] = vec{};
        for (int64_t f = 0; f < quads; ++f)
            EACH (v, width) {
                const words w = *reinterpret_cast<const words_anywhere*>(code + f * 64 + part + v * lanes);
                EACH (place, 4) s[v] += q[4 * f + place] * widen(w, place);
            }
        EACH (v, width) store(out + part + v * lanes, s[v]);
    }
}

// Scores of `lanes` items as topk_scores.hpp sums them, to the bit: each in a lane, in the order of the factors.
void exact(const float* q, const float* const* y, int64_t rank, float* out) {
    vec s = {};
    for (int64_t f = 0; f < rank; ++f) {
        vec x = {};
        EACH (l, lanes) x[l] = y[l][f];
        s += q[f] * x;
    }
    store(out, s);
}

// Bit i of the answer: whether out[i] scale[i] + length slack[i] + bias[i] reaches the floor.
uint64_t reach(const float* out, const float* scale, const float* slack, const float* bias, float length, float floor) {
    uint64_t found = 0;
    for (int i = 0; i < 64; i += lanes) {
        vec bound = load(out + i) * load(scale + i) + length * load(slack + i) + 1e-36f;
        if (bias) bound += load(bias + i);
        const words hit = bound >= floor - vec{};
        int any = 0;
        EACH (l, lanes) any |= hit[l];
        if (any) EACH (l, lanes) found |= static_cast<uint64_t>(hit[l] & 1) << (i + l);
    }
    return found;
}
