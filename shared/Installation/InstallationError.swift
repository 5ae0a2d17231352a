/// Something about the installation that a person has to mend; the text says what and how, and holds no secret.
package struct InstallationError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
