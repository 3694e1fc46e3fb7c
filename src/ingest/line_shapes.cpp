// LineDecoder's shapes: which fields the lines of a measurement have, and of which types.
#include <limits>

#include "ingest/line_decoder.h"
#include "ingest/line_scan.h"

namespace silverback::ingest {
namespace {

constexpr std::size_t kMaxKnownFields = 16384;  // in all shapes: bounds their memory

using line::begins_with;

}  // namespace

LineDecoder::Shape& LineDecoder::shape_of(std::string_view key, SeenKeys::Known* known) {
  if (known == nullptr) return shape_of(key);
  if (known->shape_version == shapes_version_) {
    last_shape_ = &shapes_[known->shape];
    last_shape_->last_used = shape_clock_++;
    return *last_shape_;
  }
  Shape& shape = shape_of(key);
  known->shape = static_cast<std::uint32_t>(&shape - shapes_.data());
  known->shape_version = shapes_version_;
  return shape;
}

LineDecoder::Shape& LineDecoder::shape_of(std::string_view key) {
  const char* const key_end = key.data() + key.size();
  if (last_shape_ != nullptr && last_shape_->context == context_ &&
      begins_with(key.data(), key_end, last_shape_->measurement) && last_shape_->measurement.back() != '\\') {
    const std::size_t size = last_shape_->measurement.size();
    if (size == key.size() || key[size] == ',') return *last_shape_;
  }
  const char* at = line::find_either(key.data(), key_end, ',', ',');
  while (at != key_end && at != key.data() && at[-1] == '\\')
    at = line::find_either(at + 1, key_end, ',', ',');
  const std::string_view measurement(key.data(), static_cast<std::size_t>(at - key.data()));
  // Two places for each; the one used longer ago makes room.
  const std::uint64_t hash = hash64(measurement, context_);
  Shape* oldest = nullptr;
  for (const std::uint64_t place : {hash % shapes_.size(), (hash >> 32) % shapes_.size()}) {
    Shape& shape = shapes_[place];
    if (shape.context == context_ && shape.measurement.size() == measurement.size() &&
        begins_with(measurement.data(), key_end, shape.measurement)) {
      shape.last_used = shape_clock_++;
      last_shape_ = &shape;
      return shape;
    }
    if (oldest == nullptr || shape.last_used < oldest->last_used) oldest = &shape;
  }
  ++shapes_version_;
  known_fields_ -= oldest->fields.size();
  oldest->fields.clear();
  oldest->context = context_;
  oldest->measurement = measurement;
  oldest->last_used = shape_clock_++;
  last_shape_ = oldest;
  return *oldest;
}

void LineDecoder::remember(Shape& shape, std::size_t position, KnownField&& field) {
  if (position < shape.fields.size()) {
    shape.fields[position] = std::move(field);
    return;
  }
  if (position > shape.fields.size() || known_fields_ == kMaxKnownFields) return;
  ++known_fields_;
  shape.fields.push_back(std::move(field));
}

bool LineDecoder::type_agrees(const Shape& shape, KnownField& field, ValueType type) {
  std::string storage;
  storage.reserve(shape.measurement.size() + field.key.size());
  const std::string_view measurement = line::unescape(shape.measurement, line::kMeasurementEscapes, storage);
  const std::string_view raw_key = std::string_view(field.key).substr(0, field.key.size() - 1);
  const std::string_view key = line::unescape(raw_key, line::kFieldEscapes, storage);
  ValueType before = type;
  if (const auto known = catalog_.field_type(tenant_, database_, measurement, key)) {
    before = *known;
  } else {
    std::string claim(measurement);
    claim.append(1, '\0').append(key);
    const auto claimed = claims_.find(claim);
    if (claimed != claims_.end()) {
      before = claimed->second;
    } else if (field.type != kUnknownType) {
      return true;  // stored before with another type, says our memory, but not the catalogue: the store
                    // decides
    } else {
      line_claims_.push_back({claim, batch_->runs.size()});
      claims_.emplace(std::move(claim), type);
    }
  }
  if (before == type) {
    field.type = static_cast<std::uint8_t>(type);
    return true;
  }
  if (drop_words_.empty()) {
    drop_reason_ = RefusedBecause::TypeConflict;
    drop_words_ = "field type conflict: input field " + quoted(key) + " on measurement " +
                  quoted(measurement) + " is type " + std::string(line::type_name(type)) +
                  ", already exists as type " + std::string(line::type_name(before));
  }
  return false;
}

void LineDecoder::take_back_claims() {
  for (const Claim& claim : line_claims_) claims_.erase(claim.field);
  for (KnownField& field : last_shape_->fields) field.type = kUnknownType;
  line_claims_.clear();
}

// The labels of a line are looked into only when the store asks. A line that will then be found wrong must
// not have set types for those behind it, which may be of other parts.
void LineDecoder::check_claims() {
  std::erase_if(line_claims_, [this](const Claim& claim) {
    RefusedBecause reason{};
    return static_cast<bool>(decode(claim.run, reason));
  });
  if (!line_claims_.empty()) take_back_claims();
  split_index_ = std::numeric_limits<std::size_t>::max();  // the next line may get this one's index
}

}  // namespace silverback::ingest
