package spec

import (
	"fmt"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"
)

// pin adds to each image the digest that it has in its registry.
func (v View) pin(p *types.Project) error {
	if v.Digest == nil {
		return nil
	}
	for name, s := range p.Services {
		image, err := v.pinned(s.Image)
		if err != nil {
			return fmt.Errorf("service %s: image %s: %w", name, printable(s.Image), err)
		}
		s.Image = image
		p.Services[name] = s
	}
	return nil
}

// pinModel does so where the image is no variable.
func (v View) pinModel(model map[string]any) error {
	services, _ := model["services"].(map[string]any)
	for name, s := range services {
		service, _ := s.(map[string]any)
		image, _ := service["image"].(string)
		if v.Digest == nil || image == "" {
			continue
		}
		pinned, err := v.pinned(image)
		if err != nil {
			return fmt.Errorf("service %s: image %s: %w", name, printable(image), err)
		}
		service["image"] = pinned
	}
	return nil
}

func (v View) pinned(image string) (string, error) {
	if image == "" {
		return "", nil
	}
	ref, err := reference.ParseDockerRef(image)
	if err != nil {
		return "", err
	}
	if _, is := ref.(reference.Canonical); is {
		return image, nil
	}
	digest, err := v.Digest(ref.String())
	if err != nil {
		return "", err
	}
	return ref.String() + "@" + digest, nil
}

// imagesOf is a file that says nothing but which images the services have.
func imagesOf(p *types.Project) map[string]any {
	services := map[string]any{}
	for name, s := range p.Services {
		if s.Image != "" {
			services[name] = map[string]any{"image": s.Image}
		}
	}
	return map[string]any{"services": services}
}

func imagesOfModel(model map[string]any) map[string]any {
	out := map[string]any{}
	services, _ := model["services"].(map[string]any)
	for name, s := range services {
		if service, _ := s.(map[string]any); service["image"] != nil {
			out[name] = map[string]any{"image": service["image"]}
		}
	}
	return map[string]any{"services": out}
}
