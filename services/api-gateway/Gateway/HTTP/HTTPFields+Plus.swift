import HTTPTypes

extension HTTPFields {
    /// The fields of both; the right side's values replace the left's.
    static func + (left: HTTPFields, right: HTTPFields) -> HTTPFields {
        var fields = left
        for field in right { fields[field.name] = field.value }
        return fields
    }
}
