import Testing

@testable import Database

@Suite("Statements kept prepared")
struct PreparedStatementTests {
    @Test("A statement is prepared once, and again only when a value comes where there was NULL")
    func types() {
        var statements = PreparedStatements(capacity: 8)
        let first = statements.use("a", types: [20, 0])
        #expect(first.preparing == [20, 0] && first.removing == [])
        statements.confirm("a", name: first.name)
        let firstPlan = statements.use("a", types: [20, 0])
        #expect(firstPlan == .init(name: first.name))
        let secondPlan = statements.use("a", types: [0, 0])
        #expect(secondPlan == .init(name: first.name))
        let second = statements.use("a", types: [0, 25])
        #expect(second.preparing == [20, 25])
        #expect(second.removing == [first.name])
        let thirdPlan = statements.use("a", types: [20, 0])
        #expect(thirdPlan.preparing == nil)
    }

    @Test("The one that was not used for longest goes, never one that is still being prepared")
    func eviction() {
        var statements = PreparedStatements(capacity: 2)
        let a = statements.use("a", types: [])
        statements.confirm("a", name: a.name)
        let b = statements.use("b", types: [])
        statements.confirm("b", name: b.name)
        _ = statements.use("a", types: [])
        let c = statements.use("c", types: [])
        #expect(c.removing == [b.name])
        let d = statements.use("d", types: [])
        #expect(d.removing == [a.name])
        // Neither c nor d is confirmed.
        let firstPlan = statements.use("e", types: [])
        #expect(firstPlan.removing == [])
        #expect(statements.count == 3)
    }

    @Test("What failed to be prepared is prepared anew")
    func failure() {
        var statements = PreparedStatements(capacity: 2)
        let first = statements.use("a", types: [])
        statements.forget("a", name: first.name)
        let firstPlan = statements.use("a", types: [])
        #expect(firstPlan.preparing != nil)
        // An answer that comes late concerns another name.
        statements.forget("a", name: first.name)
        let secondPlan = statements.use("a", types: [])
        #expect(secondPlan.preparing == nil)
    }

    @Test("However statements come, the server knows no more than the bound and what is on its way", arguments: 0..<20)
    func random(seed: UInt64) {
        var generator = SeededGenerator(state: seed)
        var statements = PreparedStatements(capacity: 5)
        var known: Set<String> = []
        for _ in 0..<2000 {
            let sql = "s\(Int.random(in: 0..<12, using: &generator))"
            let plan = statements.use(sql, types: [[0, 20, 25].randomElement(using: &generator) ?? 0])
            for name in plan.removing {
                let removed = known.remove(name)
                #expect(removed != nil)
            }
            if plan.preparing != nil {
                let isNew = known.insert(plan.name).inserted
                #expect(isNew)
            }
            #expect(known.contains(plan.name))
            statements.confirm(sql, name: plan.name)
            #expect(known.count <= 5)
        }
    }
}
