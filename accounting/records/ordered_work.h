// SPDX-License-Identifier: Apache-2.0
// Pieces of work done by all processors, their results taken in order by the
// caller. At most a few results wait at a time, so that memory does not grow
// with the number of pieces.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace accounting {

template <class Result>
class OrderedWork {
 public:
  /// Does `work(worker, index)` for each index below `count`, on `workers`
  /// threads, and gives each result to `take(index, result)` in order until it
  /// says false. Where no thread can be had everything happens on this one.
  template <class Work, class Take>
  static void run(std::size_t workers, std::size_t count, const Work& work,
                  const Take& take) {
    OrderedWork shared(workers, count);
    std::vector<std::jthread> threads;
    if (workers > 1 && count > 1)
      for (std::size_t w = 0; w < workers; ++w)
        if (!add(threads, [&shared, &work, w] { shared.labour(w, work); }))
          break;  // those that there are do it all
    for (std::size_t i = 0; i < count; ++i)
      if (!take(i, threads.empty() ? work(0, i) : shared.wait_for(i))) break;
    shared.end();
  }

 private:
  /// False: the system has no more threads for us.
  template <class Body>
  static bool add(std::vector<std::jthread>& threads, const Body& body) {
    try {
      threads.emplace_back(body);
    } catch (const std::system_error&) {
      return false;
    }
    return true;
  }

  OrderedWork(std::size_t workers, std::size_t count)
      : count_(count), slots_(workers * 2) {}

  template <class Work>
  void labour(std::size_t worker, const Work& work) {
    while (const auto index = next_index()) {
      Result result = work(worker, *index);
      const std::scoped_lock lock(mutex_);
      slots_[*index % slots_.size()] = std::move(result);
      changed_.notify_all();
    }
  }

  std::optional<std::size_t> next_index() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] {
      return is_over_ || next_ >= count_ || next_ < taken_ + slots_.size();
    });
    if (is_over_ || next_ >= count_) return std::nullopt;
    return next_++;
  }

  Result wait_for(std::size_t index) {
    std::unique_lock lock(mutex_);
    auto& slot = slots_[index % slots_.size()];
    changed_.wait(lock, [&slot] { return slot.has_value(); });
    Result result = std::move(*slot);
    slot.reset();
    taken_ = index + 1;
    changed_.notify_all();
    return result;
  }

  void end() {
    const std::scoped_lock lock(mutex_);
    is_over_ = true;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t count_;
  std::vector<std::optional<Result>> slots_;
  std::size_t next_ = 0;   ///< the piece that is begun next
  std::size_t taken_ = 0;  ///< pieces whose result the caller has
  bool is_over_ = false;
};

/// Threads that a report uses: one for each processor it may run on.
std::size_t worker_count();

}  // namespace accounting
