// A server that speaks hawkBit's device protocol: whether it answers, takes this device's proof, and says when to come again.
#include "agent/ddi_standing.hpp"
#include "agent/examination.hpp"
#include "agent/identity.hpp"
#include "base/file.hpp"
#include "ddi/client_answers.hpp"
#include "net/errors.hpp"

namespace aloft::agent {
namespace {

Result<ddi::PollReading> poll(DdiStanding& standing) {
  const auto client = TRY(net::HttpClient::create(TRY(standing.tls())));
  const auto response = TRY(ddi_success(TRY(standing.send(*client, "GET", "", nullptr)), standing.base()));
  return ddi::read_poll(response.body);
}

}  // namespace

void examine_hawkbit(const Patient& patient, Examination& out) {
  const ServerConfig& server = *patient.config.server;
  const HawkbitConfig& hawkbit = *server.hawkbit;
  const std::size_t before = out.count();
  const bool has_token = !hawkbit.target_token_file.empty() || !hawkbit.gateway_token_file.empty();
  if (server.url.starts_with("http://"))
    out.warn("hawkbit-plain", "server.url is not encrypted: everybody on the way can read the token, and act for this device at the server",
             "give the server a certificate, and an https address");
  if (!hawkbit.gateway_token_file.empty())
    out.warn("hawkbit-gateway-token", "the device has a gateway token, with which it could act for every device of the tenant",
             "give each device a target token of its own");
  if (!has_token && hawkbit.client_cert.empty())
    out.warn("hawkbit-nobody", "the device does not show the server who it is: there is no token and no certificate",
             "set server.target_token_file, or server.client_cert and server.client_key");
  const std::string machine_id = read_file(patient.config.agent.machine_id_file, 256).value_or("");
  auto name = device_name(server, machine_id.substr(0, machine_id.find('\n')));
  if (!name) return;  // told by another examination
  DeviceFacts facts{.name = *std::move(name), .product = {}, .hardware = {}, .version = {}};
  DdiStanding standing(server, std::move(facts), patient.clock);
  const auto answer = poll(standing);
  if (!answer) {
    const bool refused =
        answer.error().code.number == net::kUnauthorized.number || answer.error().code.number == net::kServerRefused.number;
    return out.bad(refused ? "server-refuses" : "server-unreachable", "server " + server.url + ": " + answer.error().message,
                   refused ? "check tenant, server.name and token; at the server, that the device and this kind of token are allowed"
                           : "check the network, the address, and the server's certificate");
  }
  if (out.all_good_since(before))
    out.good("server", "server " + server.url + " answers; the next poll is wanted after " + std::to_string(answer->sleep.count()) + " s");
}

}  // namespace aloft::agent
