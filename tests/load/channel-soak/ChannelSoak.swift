import ArgumentParser

/// Sends very many requests through the internal channel while client and server are killed and stopped again and again.
///
/// The last line of its output is the result; it exits with zero only if nothing was lost and nothing was wrong.
@main
struct ChannelSoak: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "channel-soak",
        abstract: "Prove that every request through the channel is answered or fails with a typed error, whoever dies.",
        subcommands: [RunCommand.self, ServeCommand.self, DriveCommand.self],
        defaultSubcommand: RunCommand.self)
}
