package watch

import "testing"

func TestFilter(t *testing.T) {
	for name, tt := range map[string]struct {
		include, ignore, dockerignore []string
		has, hasNot, prunes, walks    []string
	}{
		"all": {
			has:    []string{"/p/src", "/p/src/a", "/p/src/a/b"},
			hasNot: []string{"/p", "/p/srca", "/p/src/.git/HEAD", "/p/src/a/.x.swp", "/p/src/4913", "/p/src/x~", "/p/src/.#x", "/p/src/x___jb_tmp___"},
			prunes: []string{"/p/src/.git", "/p/other"}, walks: []string{"/p/src", "/p/src/a"},
		},
		"ignored": {
			ignore: []string{"node_modules/", "*.log", "!keep.log"},
			has:    []string{"/p/src/a", "/p/src/keep.log"}, hasNot: []string{"/p/src/x.log", "/p/src/node_modules", "/p/src/node_modules/x/y"},
			prunes: []string{"/p/src/node_modules", "/p/src/node_modules/x"},
		},
		"taken back below": {
			ignore: []string{"vendor", "!vendor/keep", "deep/**", "!deep/**/x"},
			has:    []string{"/p/src/vendor/keep/f", "/p/src/deep/a/x"}, hasNot: []string{"/p/src/vendor/other"},
			walks: []string{"/p/src/vendor", "/p/src/vendor/keep", "/p/src/deep/a"}, prunes: []string{"/p/src/vendor/other"},
		},
		"a whitelist": {
			dockerignore: []string{"*", "!src/app", "!src/*.go"},
			has:          []string{"/p/src/app/x", "/p/src/m.go"}, hasNot: []string{"/p/src/doc/x", "/p/src/doc"},
			walks: []string{"/p/src", "/p/src/app"}, prunes: []string{"/p/src/doc/deep"},
		},
		"included": {
			include: []string{"*.sql", "sub/**/*.js"}, ignore: []string{"no.sql"},
			has: []string{"/p/src/a.sql", "/p/src/sub/x/y.js"}, hasNot: []string{"/p/src/a.js", "/p/src/no.sql", "/p/src/sub"},
			walks: []string{"/p/src/sub"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := NewFilter("/p/src", tt.include)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.LeaveOut("/p/src", tt.ignore); err != nil {
				t.Fatal(err)
			}
			if err := f.LeaveOut("/p", tt.dockerignore); err != nil {
				t.Fatal(err)
			}
			is := func(what string, want bool, is func(string) bool, list []string) {
				for _, n := range list {
					if is(n) != want {
						t.Errorf("%s(%s) is not %t", what, n, want)
					}
				}
			}
			is("Has", true, f.Has, tt.has)
			is("Has", false, f.Has, tt.hasNot)
			is("Prunes", true, f.Prunes, tt.prunes)
			is("Prunes", false, f.Prunes, tt.walks)
		})
	}
	f, _ := NewFilter("/p", nil)
	if err := f.LeaveOut("/p", []string{"[a"}); err == nil {
		t.Error("a bad pattern is taken")
	}
	if _, err := NewFilter("/p", []string{"[a"}); err == nil {
		t.Error("a bad pattern is taken")
	}
}
