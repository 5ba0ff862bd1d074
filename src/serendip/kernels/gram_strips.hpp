// The arithmetic of gram.cpp, compiled once an instruction set (each_isa.hpp).

constexpr int64_t strip = 64;  // columns summed at once

// sum[:] = sum over t in [begin, end) of x[t] * pack[row[t]][:].
void sums(const int32_t* row, const float* x, int64_t begin, int64_t end, const float* pack, float* sum) {
    constexpr int width = lanes == 4 ? 8 : 64 / lanes;  // vectors in registers: 8, 8 or 4
    EACH (part, 64 / (width * lanes)) {
        vec s[width];
        const float* from = pack + part * width * lanes;
        EACH (v, width) s[v] = vec{};
        for (int64_t t = begin; t < end; ++t) {
            const float* p = from + row[t] * strip;
            EACH (v, width) s[v] += x[t] * load(p + v * lanes);
        }
        EACH (v, width) store(sum + part * width * lanes + v * lanes, s[v]);
    }
}
