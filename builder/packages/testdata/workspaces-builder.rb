# SPDX-License-Identifier: AGPL-3.0-or-later
class WorkspacesBuilder < Formula
  desc "Builder of Prisme.ai workspaces releases"
  homepage "https://github.com/prismeai/workspaces-release"
  version "1.2.3"
  license "AGPL-3.0-or-later"

  on_macos do
    on_intel do
      url "https://github.com/prismeai/workspaces-release/releases/download/v1.2.3/builder_1.2.3_darwin_amd64.tar.gz"
      sha256 "checksum of builder_1.2.3_darwin_amd64.tar.gz"
    end
    on_arm do
      url "https://github.com/prismeai/workspaces-release/releases/download/v1.2.3/builder_1.2.3_darwin_arm64.tar.gz"
      sha256 "checksum of builder_1.2.3_darwin_arm64.tar.gz"
    end
  end

  on_linux do
    on_intel do
      url "https://github.com/prismeai/workspaces-release/releases/download/v1.2.3/builder_1.2.3_linux_amd64.tar.gz"
      sha256 "checksum of builder_1.2.3_linux_amd64.tar.gz"
    end
    on_arm do
      url "https://github.com/prismeai/workspaces-release/releases/download/v1.2.3/builder_1.2.3_linux_arm64.tar.gz"
      sha256 "checksum of builder_1.2.3_linux_arm64.tar.gz"
    end
  end

  def install
    bin.install "builder"
    generate_completions_from_executable(bin/"builder", "completion")
  end

  test do
    assert_match "builder v#{version} ", shell_output("#{bin}/builder version")
  end
end
