package spec

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// LooksSecret tells whether the name of a variable, label or field looks like
// that of a secret: DB_PASSWORD, apiKey, AUTH_TOKEN; but not MONKEY or AUTHOR.
func LooksSecret(name string) bool {
	return slices.ContainsFunc(splitWords(name), secretWord)
}

func secretWord(word string) bool {
	word = strings.TrimRight(strings.ToUpper(word), "0123456789")
	switch word {
	case "KEY", "KEYS", "AUTH", "AUTHORIZATION", "PRIVATE", "PASS", "PW", "PWD", "CRED", "CREDS", "TOKENS", "COOKIE":
		return true
	}
	for _, long := range []string{"PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "CREDENTIAL", "APIKEY", "ACCESSKEY", "PRIVATEKEY"} {
		if strings.Contains(word, long) {
			return true
		}
	}
	return strings.HasSuffix(word, "TOKEN")
}

// splitWords cuts at everything but letters and digits, and where aB changes case.
func splitWords(name string) []string {
	var words []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			words = append(words, string(word))
		}
		word = nil
	}
	for _, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush()
			continue
		case unicode.IsUpper(r) && len(word) > 0 && unicode.IsLower(word[len(word)-1]):
			flush()
		}
		word = append(word, r)
	}
	flush()
	return words
}

// holdsLogin tells whether a value is an address with a password in it.
func holdsLogin(value string) bool {
	if !strings.Contains(value, "://") || !strings.Contains(value, "@") {
		return false
	}
	u, err := url.Parse(value)
	if err != nil {
		return true // cannot tell: better masked
	}
	_, has := u.User.Password()
	return has
}
