// Threads for one call: dynamic chunks, Ctrl-C answered, the exception of the first range handed on.
#pragma once

#include <nanobind/nanobind.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace serendip {

// Call body(begin, end, thread) for consecutive ranges of at most `chunk` that cover [0, n); `thread` is in [0,
// threads).
//
// The caller holds the GIL; it is released while the work runs. The calling thread works too, and about every 100 ms,
// between two chunks, asks Python for signals: Ctrl-C then ends all threads after their present chunk and raises
// KeyboardInterrupt, so a chunk should last well below a second. Threads live for one call (tens of microseconds):
// nothing to shut down, safe with fork.
template <class Body>
void parallel_for(std::int64_t n, std::int64_t chunk, int threads, const Body& body) {
    using clock = std::chrono::steady_clock;
    std::atomic<std::int64_t> next{0};
    std::atomic<bool> stop{false};
    std::exception_ptr failure;
    std::int64_t failed = n;  // where the range of `failure` begins
    std::mutex failure_lock;
    bool interrupted = false;

    const auto work = [&](int thread, bool watches_signals) {
        auto asked = clock::now();
        std::int64_t begin = 0;
        try {
            while (!stop.load(std::memory_order_relaxed)) {
                begin = next.fetch_add(chunk);
                if (begin >= n) return;
                body(begin, std::min(begin + chunk, n), thread);
                if (watches_signals && clock::now() - asked > std::chrono::milliseconds(100)) {
                    nanobind::gil_scoped_acquire gil;
                    if (PyErr_CheckSignals() != 0) {
                        interrupted = true;
                        stop = true;
                    }
                    asked = clock::now();
                }
            }
        } catch (...) {
            // Ranges are taken in order and a taken one is finished, so all before the first that fails have been
            // tried: which exception is handed on does not depend on the number or the luck of the threads.
            const std::lock_guard lock(failure_lock);
            if (begin < failed) {
                failed = begin;
                failure = std::current_exception();
            }
            stop = true;
        }
    };

    {
        nanobind::gil_scoped_release release;
        const std::int64_t chunks = (n + chunk - 1) / std::max<std::int64_t>(chunk, 1);
        const int helpers = static_cast<int>(std::min<std::int64_t>(threads, chunks)) - 1;
        std::vector<std::thread> crew;
        try {
            for (int t = 1; t <= helpers; ++t) crew.emplace_back(work, t, false);
        } catch (const std::system_error&) {  // no more threads to be had: those we have do the work
        }
        work(0, true);
        for (std::thread& member : crew) member.join();
    }
    if (interrupted) throw nanobind::python_error();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace serendip
