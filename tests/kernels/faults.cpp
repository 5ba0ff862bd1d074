// Two faults made on purpose: .ci/sanitize sees that the sanitizers report them before it trusts their silence.
extern "C" int past_the_end(int n) {
    volatile int* some = new int[static_cast<unsigned>(n)];
    const int next = some[n];
    delete[] some;
    return next;
}

extern "C" int too_large(int n) { return n + 2147483647; }
