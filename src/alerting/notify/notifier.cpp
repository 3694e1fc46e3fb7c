#include "alerting/notify/notifier.h"

#include "alerting/notify/dispatcher.h"

namespace silverback::notify {

class Notifier::Impl {
 public:
  Impl(StateStore& states, const Clock& clock) : dispatcher(states, clock), started_ns(clock.now_ns()) {}
  Dispatcher dispatcher;
  const std::int64_t started_ns;
};

Notifier::Notifier(StateStore& states, const Clock& clock) : impl_(std::make_unique<Impl>(states, clock)) {}
Notifier::~Notifier() = default;

Status Notifier::configure(const NotifyConfig& config, const std::string& external_url,
                           MessageSink* messages) {
  return impl_->dispatcher.configure(config, external_url, messages);
}
void Notifier::prepare(std::span<const NotifiedAlert> alerts, StateBatch& batch) {
  impl_->dispatcher.prepare(alerts, batch);
}
void Notifier::commit(std::span<const NotifiedAlert> alerts) { impl_->dispatcher.commit(alerts); }
Status Notifier::sync(std::vector<NotifiedAlert> firing) { return impl_->dispatcher.sync(std::move(firing)); }
Status Notifier::post(std::vector<NotifiedAlert> alerts) { return impl_->dispatcher.post(std::move(alerts)); }
std::vector<AlertView> Notifier::alerts() const { return impl_->dispatcher.alerts(); }
std::vector<GroupView> Notifier::groups() const { return impl_->dispatcher.groups(); }
Silences& Notifier::silences() { return impl_->dispatcher.silences(); }
std::vector<std::string> Notifier::receivers() const {
  std::vector<std::string> names;
  for (const ReceiverSpec& receiver : impl_->dispatcher.config().receivers) names.push_back(receiver.name);
  return names;
}
std::string Notifier::config_text() const { return impl_->dispatcher.config().shown; }
std::int64_t Notifier::started_ns() const { return impl_->started_ns; }
std::size_t Notifier::waiting() const { return impl_->dispatcher.waiting(); }

}  // namespace silverback::notify
