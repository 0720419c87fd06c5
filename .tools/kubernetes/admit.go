// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apiserver/pkg/admission"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	"sigs.k8s.io/yaml"
)

// admit prints the pod as the policy makes it.
func admit(policyFile string, in io.Reader, out io.Writer) error {
	var policy admissionv1.MutatingAdmissionPolicy
	var pod corev1.Pod
	text, err := os.ReadFile(policyFile)
	if err == nil {
		err = yaml.UnmarshalStrict(text, &policy)
	}
	if err != nil {
		return err
	}
	if text, err = io.ReadAll(in); err == nil {
		err = yaml.UnmarshalStrict(text, &pod)
	}
	if err != nil {
		return err
	}
	after, err := apply(context.Background(), &policy, &pod)
	if err != nil {
		return err
	}
	if text, err = yaml.Marshal(after); err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}

// apply is what the admission plugin does once a policy is bound to an object.
func apply(ctx context.Context, policy *admissionv1.MutatingAdmissionPolicy, pod *corev1.Pod) (runtime.Object, error) {
	compiler, err := plugincel.NewCompositedCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	if err != nil {
		return nil, err
	}
	var options plugincel.OptionalVariableDeclarations
	var variables []plugincel.NamedExpressionAccessor
	for _, v := range policy.Spec.Variables {
		variables = append(variables, &validating.Variable{Name: v.Name, Expression: v.Expression})
	}
	compiler.CompileAndStoreVariables(variables, options, environment.StoredExpressions)

	var conditions []plugincel.ExpressionAccessor
	for i := range policy.Spec.MatchConditions {
		conditions = append(conditions, (*matchconditions.MatchCondition)(&policy.Spec.MatchConditions[i]))
	}
	evaluator := compiler.CompileCondition(conditions, options, environment.StoredExpressions)
	matcher := matchconditions.NewMatcher(evaluator, policy.Spec.FailurePolicy, "policy", "mutate", policy.Name)

	ctx = compiler.CreateContext(ctx) // the values of the variables
	request := newRequest(pod)
	switch result := matcher.Match(ctx, request.VersionedAttributes, nil, nil); {
	case result.Error != nil:
		return nil, result.Error
	case !result.Matches:
		return pod, nil
	}
	options.HasPatchTypes = true
	for _, m := range policy.Spec.Mutations {
		if m.JSONPatch == nil {
			return nil, errors.New("only mutations by JSONPatch are known here")
		}
		mutation := compiler.CompileMutatingEvaluator(&patch.JSONPatchCondition{Expression: m.JSONPatch.Expression}, options, environment.StoredExpressions)
		object, err := patch.NewJSONPatcher(mutation).Patch(ctx, request, celconfig.RuntimeCELCostBudget)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", policy.Name, err)
		}
		request.VersionedAttributes.UpdateObject(object)
	}
	return request.VersionedAttributes.VersionedObject.Object(), nil
}

func newRequest(pod *corev1.Pod) patch.Request {
	scheme := runtime.NewScheme()
	utilruntime.Must(corev1.AddToScheme(scheme))
	kind := corev1.SchemeGroupVersion.WithKind("Pod")
	resource := corev1.SchemeGroupVersion.WithResource("pods")
	pod.SetGroupVersionKind(kind)
	attributes := admission.NewAttributesRecord(pod, nil, kind, pod.Namespace, pod.Name, resource, "", admission.Create, nil, false, nil)
	return patch.Request{
		MatchedResource:     schema.GroupVersionResource(resource),
		VersionedAttributes: &admission.VersionedAttributes{Attributes: attributes, VersionedObject: admission.NewLazyObject(pod), VersionedKind: kind},
		ObjectInterfaces:    admission.NewObjectInterfacesFromScheme(scheme),
	}
}
