import CSandbox
import Glibc

// What the host starts with a fixed environment. `zygote`: the fork server, its control socket on descriptor 3. `become PATH
// ARGUMENT…`: a program that translates text, without rights.

let arguments = CommandLine.arguments
switch arguments.dropFirst().first {
case "zygote" where arguments.count == 2:
    Zygote.run()
case "become" where arguments.count >= 3:
    var vector: [UnsafeMutablePointer<CChar>?] = arguments.dropFirst(2).map { strdup($0) } + [nil]
    let error = sandbox_become(arguments[2], &vector)
    Diagnostics.exit(SANDBOX_EXIT_USAGE, "cannot become \(arguments[2]): \(String(cString: strerror(error)))")
default:
    Diagnostics.exit(SANDBOX_EXIT_USAGE, "usage: sandbox-worker zygote | become PATH ARGUMENT… (started by the services only)")
}
