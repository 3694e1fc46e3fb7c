#include "alerting/notify/templates.h"

#include <glob.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "alerting/notify/integration.h"
#include "alerting/notify/template_data.h"

namespace silverback::notify {
namespace {

using gotemplate::Template;
using gotemplate::Value;

constexpr std::size_t kMaxFile = std::size_t{1} << 20;

Result<std::string> read_file(const std::string& name) {
  std::ifstream in(name, std::ios::binary);
  std::string text;
  if (in) {
    text.resize(kMaxFile + 1);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
  }
  if (!in.is_open() || in.bad())
    return Status(Code::NotFound, "template file " + name + " cannot be read: " + std::strerror(errno));
  if (text.size() > kMaxFile)
    return Status(Code::InvalidArgument, "template file " + name + " is larger than 1 MiB");
  return text;
}

/// Sorted. @returns NotFound for a name without wildcards that is not there
Result<std::vector<std::string>> matching(const std::string& pattern) {
  glob_t found{};
  const int code = ::glob(pattern.c_str(), 0, nullptr, &found);
  std::vector<std::string> names(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (code == GLOB_NOMATCH && pattern.find_first_of("*?[") == pattern.npos)
    return Status(Code::NotFound, "there is no template file " + pattern);
  if (code != 0 && code != GLOB_NOMATCH)
    return Status(Code::NotFound, "template files " + pattern + " cannot be listed");
  return names;
}

Result<std::string> run(const Template& templates, std::string_view what, std::string_view source,
                        const Value& data, std::int64_t now_ns) {
  if (source.find("{{") == source.npos) return std::string(source);
  NotifyEnvironment environment;
  environment.now_ns = now_ns;
  auto made = templates.expand("", source, data, environment);
  if (!made) return made.status().in(what);
  return made;
}

}  // namespace

Result<Templates> Templates::of_defaults() {
  constexpr auto kMissing = gotemplate::MissingKey::Zero;
  auto text = Template::parse("default.tmpl", kDefaultTextTemplates, text_template_functions(), kMissing);
  if (!text) return text.status();
  auto html = Template::parse("default.tmpl", kDefaultTextTemplates, html_template_functions(), kMissing,
                              gotemplate::Output::Html);
  if (!html) return html.status();
  for (Template* templates : {&*text, &*html}) {
    if (Status added = templates->add("email.tmpl", kDefaultEmailTemplates); !added.ok()) return added;
  }
  return Templates(std::move(*text), std::move(*html));
}

Status Templates::add(const std::string& file) {
  const auto source = read_file(file);
  if (!source) return source.status();
  const std::string name = std::filesystem::path(file).filename().string();
  if (Status added = text_.add(name, *source); !added.ok()) return added;
  return html_.add(name, *source);
}

Result<std::shared_ptr<const Templates>> Templates::load(const std::vector<std::string>& patterns) {
  auto made = of_defaults();
  if (!made) return made.status();
  for (const std::string& pattern : patterns) {
    const auto files = matching(pattern);
    if (!files) return files.status();
    for (const std::string& file : *files) {
      if (Status added = made->add(file); !added.ok()) return added;
    }
  }
  return std::shared_ptr<const Templates>(std::make_shared<const Templates>(std::move(*made)));
}

Result<std::string> Templates::text(std::string_view what, std::string_view source, const Value& data,
                                    std::int64_t now_ns) const {
  return run(text_, what, source, data, now_ns);
}

Result<std::string> Templates::html(std::string_view what, std::string_view source, const Value& data,
                                    std::int64_t now_ns) const {
  return run(html_, what, source, data, now_ns);
}

Result<std::shared_ptr<const Templates>> load_templates(const std::vector<std::string>& patterns) {
  return Templates::load(patterns);
}

}  // namespace silverback::notify
