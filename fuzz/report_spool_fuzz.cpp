// The file of reports that the server has not acknowledged, as anything may have left it: what is added next is told.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "agent/spool.hpp"
#include "base/file.hpp"

extern "C" int report_spool_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  const std::string text(reinterpret_cast<const char*>(data), size);
  static const Fd file(::memfd_create("spool", MFD_CLOEXEC));
  if (::ftruncate(file.get(), 0) != 0 || !write_all_at(file.get(), as_bytes(text), 0)) std::abort();
  const auto spool = agent::ReportSpool::open("/proc/self/fd/" + std::to_string(file.get()));
  const auto waiting = spool->oldest(SIZE_MAX);
  if (waiting.size() != spool->size()) std::abort();
  for (const protocol::Report& report : waiting)
    if (report.deployment > 0x7fffffff || report.progress_permille.value_or(0) > 1000) std::abort();
  // Here it cannot be written; it is told all the same.
  (void)spool->add(WallTime{},
                   {.deployment = 7, .state = protocol::UpdateState::failed, .error = 1, .message = text, .progress_permille = {}});
  const auto told = spool->oldest(SIZE_MAX);
  if (told.empty() || told.back().deployment != 7 || told.back().sequence == 0) std::abort();
  // Each time that its update is begun is told, and once.
  std::uint64_t latest = told.back().sequence;
  for (const std::uint64_t time_ms : {std::uint64_t{1}, std::uint64_t{2}}) {
    for (unsigned times = 0; times < 2; ++times)
      (void)spool->add(WallTime{}, {.deployment = 7,
                                    .update = 1,
                                    .transition = 1,
                                    .time_ms = time_ms,
                                    .state = protocol::UpdateState::offered,
                                    .message = {},
                                    .progress_permille = {}});
    const std::uint64_t now = spool->oldest(SIZE_MAX).back().sequence;
    if (now > latest + 1 || (time_ms == 2 && now != latest + 1)) std::abort();
    latest = now;
  }
  return 0;
}
