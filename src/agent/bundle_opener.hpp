// Opens bundles by where they are: a path, a descriptor that a local client passed, a URL, the server's artifact store.
#pragma once

#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/config.hpp"
#include "agent/delta_source.hpp"
#include "agent/server_standing.hpp"
#include "agent/updater.hpp"
#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/random.hpp"

namespace aloft::agent {

class SourceOpener final : public BundleOpener {
 public:
  // server may be null; clock, random and config must outlive the opener.
  SourceOpener(const Config& config, ServerStanding* server, Clock& clock, Random& random);
  ~SourceOpener() override;

  // Trust anchors are read anew at each call. Errors: kBadUri, those of the sources and of bundle::Reader.
  Result<std::unique_ptr<OpenBundle>> open(const std::string& source) override;

  void limit_fetching(std::uint64_t most_bytes, const std::string& why) override;
  void end_with(const std::stop_token& stop) override { stop_ = stop; }

  // Keeps the descriptor for open() of the source that this returns, until another is attached: `uri` for a file, a name of its own for a
  // pipe, which can be opened only once. From any thread. Errors: kBadUri for a folder.
  Result<std::string> attach(const std::string& uri, Fd descriptor);
  // Lets go of what is attached, so that its file system can be unmounted. From any thread.
  void detach();

 private:
  class Open;
  class Limited;
  // A network source or a pipe that is being read ends with an error, for good. From any thread.
  void interrupt();
  void interrupt_if_stopped();
  std::uint64_t fetched_bytes();
  Result<> may_fetch(std::uint64_t bytes);
  Result<std::unique_ptr<bundle::ByteSource>> open_bytes(const std::string& source, Open& bundle);
  Result<std::unique_ptr<bundle::ByteSource>> open_path(const std::string& path, Open& bundle);
  Result<std::unique_ptr<bundle::ByteSource>> open_pipe(int descriptor);
  Result<> open_delta(const std::string& full, const std::string& delta, Open& bundle);
  Result<> open_reader(const std::string& source, Open& bundle);

  const Config& config_;
  ServerStanding* server_;
  Clock& clock_;
  Random& random_;
  const delta::RebuildSpec rebuild_ = rebuild_program();
  std::mutex mutex_;
  std::map<std::string, Fd> attached_;
  std::uint64_t pipes_ = 0;
  std::stop_token stop_;
  Fd pipe_wake_;                           // an eventfd that ends the reading of the pipe that is open
  std::uint64_t most_bytes_ = UINT64_MAX;  // of what is open, over the network
  std::string limit_why_;
  std::vector<net::RangeSource*> network_;  // of the bundle that is open
};

}  // namespace aloft::agent
