package peer

import (
	"strings"

	v1 "syncspec.example/peer/internal/pb/v1"
	"syncspec.example/peer/internal/secure"
)

const (
	readOperations = v1.Multihost_Permission_PERMISSION_READ_OPERATIONS
	readConfig     = v1.Multihost_Permission_PERMISSION_READ_CONFIG
	readWrite      = v1.Multihost_Permission_PERMISSION_READ_WRITE_CONFIG
	sharedRepos    = v1.Multihost_Permission_PERMISSION_RECEIVE_SHARED_REPOS
)

// grants is what one peer entry permits (docs/protocol.md, section 5). Two permissions of one type add up.
type grants map[v1.Multihost_Permission_Type][]scopes

// scopes holds "repo:ID" and "plan:ID" texts, which are also how a question names its subjects.
type scopes struct {
	all              bool
	include, exclude map[string]bool
}

func repoScope(id string) string { return "repo:" + id }
func planScope(id string) string { return "plan:" + id }

func parseGrants(permissions []*v1.Multihost_Permission) (grants, error) {
	parsed := grants{}
	for _, permission := range permissions {
		scopes, err := parseScopes(permission.GetScopes())
		if err != nil {
			return nil, err
		}
		parsed[permission.GetType()] = append(parsed[permission.GetType()], scopes)
	}
	return parsed, nil
}

func parseScopes(texts []string) (scopes, error) {
	parsed := scopes{all: len(texts) == 0, include: map[string]bool{}, exclude: map[string]bool{}}
	for _, text := range texts {
		subject, excluded := strings.CutPrefix(text, "!")
		kind, id, _ := strings.Cut(subject, ":")
		switch {
		case text == "*":
			parsed.all = true
		case kind != "repo" && kind != "plan" || id == "":
			return scopes{}, secure.Refuse(secure.Auth, "permission scope %q is none", text)
		case excluded:
			parsed.exclude[subject] = true
		default:
			parsed.include[subject] = true
		}
	}
	return parsed, nil
}

// allow says whether any of these permissions covers the subject. An operation has two: either may include it, and either
// may exclude it, because an exclusion beats every inclusion.
func (g grants) allow(subjects []string, types ...v1.Multihost_Permission_Type) bool {
	for _, kind := range types {
		for _, scopes := range g[kind] {
			if scopes.cover(subjects) {
				return true
			}
		}
	}
	return false
}

func (s scopes) cover(subjects []string) bool {
	included := s.all
	for _, subject := range subjects {
		if s.exclude[subject] {
			return false
		}
		included = included || s.include[subject]
	}
	return included
}

func (g grants) mayKnow(subject string) bool {
	return g.allow([]string{subject}, readOperations, readConfig, readWrite)
}

func (g grants) mayRead(subject string) bool {
	return g.allow([]string{subject}, readConfig, readWrite)
}

func (g grants) mayWrite(subject string) bool {
	return g.allow([]string{subject}, readWrite)
}

func (g grants) mayReceive(repoID string) bool {
	return g.allow([]string{repoScope(repoID)}, sharedRepos)
}
