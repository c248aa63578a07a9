/**
 * Text for a string property of a resource. Terraform reads such a string as a template, so the `${` and `%{` of a shell script
 * are doubled (https://developer.hashicorp.com/terraform/language/expressions/strings#escape-sequences); references that cdktf
 * has put into the text stay references.
 */
export function terraformText(text: string): string {
  return text.replace(/([$%])\{(?!TfToken\[)/g, (sequence, sign: string) => sign + sequence);
}
