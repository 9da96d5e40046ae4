// aloft-load: a crowd of devices for benches and tests. Reads commands on standard input, answers each with a line of JSON.
//
//   aloft-load PORT DEVICES [--plain]     DEVICES: a file with a line "TOKEN DEPLOYMENT" for each device
//
//   connect AT_ONCE SECONDS | drop | poll SECONDS PER_SECOND | report SECONDS PER_SECOND | hold | heard COUNT SECONDS
#include <signal.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

#include "crowd.hpp"

namespace aloft::load {
namespace {

Clock::duration seconds(double count) { return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(count)); }

std::vector<Member> read_members(const char* file) {
  std::ifstream in(file);
  std::vector<Member> members;
  for (Member member; in >> member.token >> member.deployment;) members.push_back(member);
  return members;
}

std::string times_json(const std::vector<double>& times) {
  std::ostringstream text;
  text.precision(15);
  text << "{\"heard\": [";
  for (std::size_t i = 0; i < times.size(); ++i) text << (i == 0 ? "" : ", ") << times[i];
  text << "]}";
  return text.str();
}

std::string carry_out(Crowd& crowd, const std::string& line) {
  std::istringstream words(line);
  std::string verb;
  double first = 0;
  double second = 0;
  words >> verb >> first >> second;
  if (verb == "connect") return crowd.connect(static_cast<std::size_t>(first), seconds(second)).json();
  if (verb == "poll") return crowd.poll(seconds(first), second).json();
  if (verb == "report") return crowd.report(seconds(first), second).json();
  if (verb == "heard") return times_json(crowd.heard(static_cast<std::size_t>(first), seconds(second)));
  if (verb == "hold") crowd.hold();
  if (verb == "drop") crowd.drop();
  if (verb == "hold" || verb == "drop") return "{\"open\": " + std::to_string(crowd.open_lines()) + "}";
  return "{\"error\": \"no such command\"}";
}

}  // namespace
}  // namespace aloft::load

int main(int argc, char** argv) {
  using namespace aloft::load;
  if (argc < 3) {
    std::cerr << "aloft-load PORT DEVICES [--plain]\n";
    return 2;
  }
  ::signal(SIGPIPE, SIG_IGN);
  const bool plain = argc > 3 && std::string_view(argv[3]) == "--plain";
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> tls(plain ? nullptr : SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (tls) SSL_CTX_set_mode(tls.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (tls) SSL_CTX_set_read_ahead(tls.get(), 1);
  Crowd crowd(static_cast<std::uint16_t>(std::atoi(argv[1])), tls.get(), read_members(argv[2]));
  for (std::string line; std::getline(std::cin, line);) std::cout << carry_out(crowd, line) << std::endl;
  return 0;
}
