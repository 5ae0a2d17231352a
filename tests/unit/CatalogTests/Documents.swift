/// Short documents for tests.
enum Documents {
    /// A shop of pets: reads and writes, a schema that refers to itself, bearer tokens.
    static let pets = ##"""
        openapi: 3.0.3
        info: {title: Pet Shop API, description: Sells pets., version: 1.0.0}
        servers: [{url: "https://pets.test/v1"}]
        security: [{token: []}]
        paths:
          /pets:
            get:
              operationId: listPets
              tags: [pets]
              summary: List all pets
              parameters:
                - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 100}}
                - {name: tags, in: query, schema: {type: array, items: {type: string}}}
              responses:
                "200": {description: ok, content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Pet"}}}}}
            post:
              operationId: createPet
              tags: [pets]
              summary: Create a pet
              requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/NewPet"}}}}
              responses:
                "201": {description: made, content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}}
          /pets/{petId}:
            get:
              operationId: getPet
              tags: [pets]
              summary: Get one pet
              parameters: [{name: petId, in: path, required: true, description: The pet's number., schema: {type: integer}}]
              responses:
                "200": {description: ok, content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}}
            delete:
              operationId: deletePet
              tags: [pets]
              summary: Delete a pet
              parameters: [{name: petId, in: path, required: true, schema: {type: integer}}]
              responses: {"204": {description: gone}}
          /photos:
            post:
              operationId: uploadPhoto
              tags: [photos]
              summary: Upload a photo
              requestBody: {required: true, content: {multipart/form-data: {schema: {type: object}}}}
              responses: {"204": {description: done}}
          /status:
            get:
              operationId: status
              security: []
              summary: Shop status
              responses: {"200": {description: ok, content: {text/plain: {schema: {type: string}}}}}
        components:
          schemas:
            NewPet:
              type: object
              required: [name]
              properties: {name: {type: string, minLength: 1}, tag: {type: string, nullable: true}, kind: {type: string, enum: [cat, dog]}}
            Pet:
              allOf:
                - {$ref: "#/components/schemas/NewPet"}
                - {type: object, required: [id], properties: {id: {type: integer}, parent: {$ref: "#/components/schemas/Pet"}}}
          securitySchemes:
            token: {type: http, scheme: bearer}
            login: {type: http, scheme: basic}
        """##

    /// A part of Roost's own API.
    static let roost = """
        {"openapi": "3.1.0", "info": {"title": "Roost", "version": "1", "description": "Roost's own API."}, "servers": [{"url": "/api/v1"}],
         "paths": {
           "/tools": {"get": {"operationId": "tools.list", "tags": ["tools"], "summary": "List tools",
             "parameters": [{"name": "integration", "in": "query", "schema": {"type": "string"}}],
             "responses": {"200": {"description": "", "content": {"application/json": {"schema": {"type": "object"}}}}}}},
           "/policies": {"post": {"operationId": "policies.create", "tags": ["policies"], "summary": "Set a policy",
             "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object"}}}},
             "responses": {"201": {"description": ""}}}}}}
        """
}
